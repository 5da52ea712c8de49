/**
 * `deno task bench:skiff [--json] [--rounds N]`
 *
 * Runs the `bench` of Skiff, the built-in kernel, with the host's clock: the guest prints a line before
 * and behind each measurement, which is timestamped here. Microseconds for one operation, the quietest
 * of the rounds; beside them real Xen's for the nearest operation that is known (reference.ts).
 */
import { parseArgs } from "node:util";
import { builtinGuest } from "../guest/mod.ts";
import { measurements } from "../guest/skiff/programs/bench_measurements.ts";
import { createMachine } from "../mod.ts";
import { Recorder } from "./recorder.ts";
import { OPERATIONS } from "./reference.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
  },
});

/** Boots once and lets the guest measure; an interrupt to another processor needs a second one. */
async function run(recorder: Recorder, vcpus: number, only: (name: string) => boolean) {
  const machine = await createMachine({ log: (line) => console.error(line) });
  const decoder = new TextDecoder();
  let rest = "";
  const domain = await machine.addDomain(await builtinGuest("skiff"), {
    vcpus,
    output: (bytes) => {
      const now = performance.now();
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const name = line.split(" ")[1]?.trim();
        if (!/^[BE] /.test(line) || only(name)) recorder.line(now, line);
      }
    },
  });
  const typed = "bench -m\n".repeat(Number(values.rounds)) + "halt\n";
  void domain.console.send(new TextEncoder().encode(typed));
  const { name } = await domain.shutdown;
  await domain.console.drained();
  machine.stop();
  if (!recorder.done || name !== "poweroff") throw new Error(`the guest did not end well: ${name}`);
}

const recorder = new Recorder();
await run(recorder, 1, () => true);
await run(recorder, 2, (name) => name === "ipi");

const results = measurements.flatMap(({ name, what, like }) => {
  const timing = recorder.timings.get(name);
  if (!timing) return [];
  const microseconds = timing.seconds * 1e6 / timing.iterations;
  return [{ name, what, microseconds, xen: like ? OPERATIONS[like].xen : null }];
});

if (values.json) console.log(JSON.stringify(results, null, 2));
else {
  console.log("operation             µs here   Xen in QEMU µs, and without mitigation");
  for (const { name, what, microseconds, xen } of results) {
    const [theirs, bare] = (xen ?? ["-", "-"]).map((n) => String(n).padStart(8));
    console.log(
      `${name.padEnd(21)}${microseconds.toFixed(2).padStart(8)}${theirs}${bare}   ${what}`,
    );
  }
}
