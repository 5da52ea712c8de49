// Skiff with event timing as it comes: slices of random length, so that vCPUs take turns and upcalls
// arrive at any instruction. Virtual time and a seed for each run: what fails once fails again.

import assert from "node:assert/strict";
import { createMachine } from "../../core/host/create_machine.ts";
import { builtinGuest } from "../../guest/mod.ts";
import { ALWAYS } from "../first_sight.ts";
import { Random } from "../random.ts";

const RUNS = ALWAYS ? 4 : 20;
/** Work for several processes at once, then what the processors counted. */
const TYPED = "hog &\necho a b | cat | count\nselftest\nevents\nhalt\n";

/** Most instructions of a slice: short ones are as likely as long ones, from a few to a thousand. */
const slices = (seed: number) => {
  const random = new Random(seed);
  return () => 8 << random.below(8);
};

/** Boots once; what the console said. */
async function boot(image: Uint8Array, seed: number): Promise<string> {
  const machine = await createMachine({
    jit: ALWAYS ? "always" : false,
    time: "virtual",
    slice: slices(seed),
  });
  let said = "";
  const decoder = new TextDecoder();
  const domain = await machine.addDomain(image, {
    memory: 16,
    vcpus: 1 + seed % 8,
    output: (bytes) => void (said += decoder.decode(bytes, { stream: true })),
  });
  void domain.console.send(new TextEncoder().encode(TYPED));
  const { name, crash } = await domain.shutdown;
  await domain.console.drained();
  machine.stop();
  assert.equal(name, "poweroff", `seed ${seed}: ${crash}\n${said.slice(-1500)}`);
  return said;
}

Deno.test("Skiff boots again and again with random event timing, on one to eight processors", async () => {
  const image = await builtinGuest("skiff");
  for (let seed = 1; seed <= RUNS; seed++) {
    const said = await boot(image, seed);
    const summaries = said.match(/^selftest: \d+ ok, \d+ failed/gm) ?? [];
    assert.equal(summaries.length, 2, `seed ${seed}`);
    for (const line of summaries) assert.match(line, /ok, 0 failed$/, `seed ${seed}\n${said}`);
    assert.match(said, /^4 bytes, 1 lines/m, `seed ${seed}`);
  }
});
