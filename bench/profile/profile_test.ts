/** What a profile counts is what ran, in either tier; and what is not profiled counts nothing. */
import assert from "node:assert/strict";
import { PROFILE, PROFILE_END } from "../../core/wasm/layout.ts";
import { createMachine, type Machine, type MachineOptions } from "../../mod.ts";
import { report } from "./report.ts";

const image = await Deno.readFile(new URL("../guest/kernel-pv.elf", import.meta.url));

/** Runs two kernels to their end, in virtual time. */
async function run(options: MachineOptions): Promise<Machine> {
  const machine = await createMachine({ time: "virtual", ...options });
  const domain = await machine.addDomain(image, {
    memory: 16,
    commandLine: "con=ring rounds=1 div=100000 only=crc32,sha256",
  });
  const { name } = await domain.shutdown;
  assert.equal(name, "poweroff");
  return machine;
}

/** Times that each instruction ran, by EIP, in blocks however they are cut. */
function byInstruction(machine: Machine, tier?: "interpreted" | "translated"): Map<string, number> {
  const times = new Map<string, number>();
  for (const block of machine.profile!.blocks()) {
    if (block.domid < 0) continue;
    for (const i of block.instructions) {
      const n = tier ? i[tier] : i.interpreted + i.translated;
      const at = (block.eip + i.delta).toString(16);
      if (n) times.set(at, (times.get(at) ?? 0) + n);
    }
  }
  return new Map([...times].sort());
}

const sum = (times: Map<string, number>) => [...times.values()].reduce((a, b) => a + b, 0);

Deno.test("a profile has each instruction as often as it ran, interpreted as translated", async () => {
  const interpreted = await run({ profile: true, jit: "off" });
  const translated = await run({ profile: true, jit: "always" });
  try {
    const times = byInstruction(interpreted);
    // what faults or is charged for more than itself is counted otherwise
    const retired = interpreted.core.retired();
    assert.ok(Math.abs(sum(times) - retired) < retired / 1000, `${sum(times)} of ${retired}`);
    assert.deepEqual(byInstruction(translated), times);
    assert.equal(sum(byInstruction(interpreted, "translated")), 0);
    assert.ok(sum(byInstruction(translated, "translated")) > retired * 0.9);
    const { hottest } = await report(translated, [], 5, true);
    const [first] = hottest;
    assert.ok(first.share > 0.05 && first.translated > 100);
    assert.match(first.why, /^translated in the region at /);
    assert.ok(first.instructions.every((i) => /^[a-z]+/.test(i.text)));
    assert.ok(first.code.some((line) => line.includes("budget = (i32.sub budget ")));
  } finally {
    interpreted.stop();
    translated.stop();
  }
});

Deno.test("a machine without a profile counts nothing, and says why where it translates nothing", async () => {
  const plain = await run({ jit: "always" });
  const off = await run({ profile: true, jit: "off" });
  try {
    const counts = plain.core.bytes().subarray(PROFILE, PROFILE_END);
    assert.ok(counts.every((byte) => byte === 0));
    assert.equal(plain.profile, null);
    const [{ why, code }] = (await report(off, [], 1, true)).hottest;
    assert.match(why, /nothing is translated/);
    assert.deepEqual(code, []);
  } finally {
    plain.stop();
    off.stop();
  }
});
