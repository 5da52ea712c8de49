/** `--jit always` translates a block before it runs for the first time, so that what runs only once is run translated. */
import assert from "node:assert/strict";
import { createMachine } from "../../mod.ts";

Deno.test("with all code translated, nothing is left to the interpreter but single instructions", async () => {
  await using machine = await createMachine({ time: "virtual", jit: "always", profile: true });
  const image = await Deno.readFile(new URL("../../bench/guest/kernel-pv.elf", import.meta.url));
  const commandLine = "con=ring rounds=1 div=100000 only=crc32";
  const domain = await machine.addDomain(image, { memory: 16, commandLine });
  await domain.shutdown;
  const blocks = machine.profile!.blocks().filter(({ domid }) => domid >= 0);
  const once = blocks.filter(({ interpreted, translated }) => interpreted + translated === 1);
  assert.ok(once.length > 0 && blocks.length > 100, `${once.length} of ${blocks.length}`);
  assert.deepEqual(blocks.filter(({ interpreted }) => interpreted), []);
});
