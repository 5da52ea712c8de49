/** A short run of what `deno task soak` does for long. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { faults, load, type LoadReport, spread } from "./load.ts";

/** A run in a process of its own: what is resident here is other tests' as well. */
async function loadAlone(domains: number, seconds: number, jit: string): Promise<LoadReport> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", fileURLToPath(new URL("main.ts", import.meta.url)), "--json"],
      ...["--what", "load", "--jit", jit],
      ...["--domains", String(domains), "--seconds", String(seconds)],
    ],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text(stdout));
  } catch {
    throw new Error(`no report: ${text(stdout)}${text(stderr)}`);
  }
}

Deno.test("64 domains of 8 MiB exchange grants and events with their neighbours and echo, others come and go; nothing is lost [domain.destroy] [domain.load] [domain.several] [grant_table_op.map_grant_ref] [grant_table_op.copy] [event_channel_op.bind_interdomain]", async () => {
  const report = await loadAlone(64, 8, "on");
  assert.deepEqual(faults(report), []);
  assert.equal(report.guests.length, 64);
  assert.ok(report.pairs > 2, `${report.pairs} pairs came and went`);
  const least = Math.min(...report.guests.map((guest) => Math.min(guest.asked, guest.echoed)));
  assert.ok(least > 10, `${least}`);
  assert.ok(spread(report.guests.map((guest) => guest.answered)) < 0.5);
  // those who come and go need room for two of them
  assert.ok(report.machineFrames < (64 + 4) * 11 * 256, `${report.machineFrames} frames`);
});

Deno.test("domains that come and go leave nothing resident but what V8 has not swept yet", async () => {
  // the translator's workers would take more than is bounded here
  const report = await loadAlone(64, 4, "off");
  assert.deepEqual(faults(report), []);
  assert.ok(report.pairs > 2, `${report.pairs} pairs came and went`);
  const more = report.residentAtEnd - report.residentAtStart;
  assert.ok(more < 160, `${more} MiB more are resident`);
});

Deno.test("their shares are equal within 5 %, counted in instructions [domain.fair]", async () => {
  const report = await load({ domains: 16, seconds: 1, time: "virtual" });
  assert.deepEqual(faults(report), []);
  for (const what of ["asked", "answered", "echoed", "ran"] as const) {
    const share = spread(report.guests.map((guest) => guest[what]));
    assert.ok(share < 0.05, `${what}: ${share}`);
  }
});
