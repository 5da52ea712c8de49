// Skiff's self-test must notice when the hypervisor is wrong: a dozen and more behaviours are changed
// on purpose, and for each the check that is about it has to fail.

import assert from "node:assert/strict";
import { createMachine } from "../../core/host/create_machine.ts";
import { builtinGuest } from "../../guest/mod.ts";
import { mutatedModule, MUTATIONS } from "./mutations.ts";

const SECONDS = 20;

/**
 * Boots Skiff on the hypervisor with one mutation on.
 *
 * @param number of the mutation, from 1; 0 for none
 * @returns what the console said up to a line that contains one of `ends`, or to the domain's end
 */
async function boot(
  module: WebAssembly.Module,
  image: Uint8Array,
  number: number,
  ends: string[],
): Promise<string> {
  const machine = await createMachine({ module, jit: false, time: "virtual" });
  const { mutation_set } = machine.core.exports as unknown as { mutation_set(n: number): void };
  mutation_set(number);
  let said = "";
  const decoder = new TextDecoder();
  const over = Promise.withResolvers<void>();
  const domain = await machine.addDomain(image, {
    memory: 16,
    output: (bytes) => {
      said += decoder.decode(bytes, { stream: true });
      if (ends.some((end) => said.includes(end))) over.resolve();
    },
  });
  const timer = setTimeout(over.resolve, SECONDS * 1000);
  await Promise.race([domain.shutdown, over.promise]);
  clearTimeout(timer);
  if (!domain.running) await domain.console.drained();
  machine.stop();
  return said;
}

Deno.test("the self-test notices what is wrong with the hypervisor", async (t) => {
  const module = await mutatedModule();
  const image = await builtinGuest("skiff");
  await t.step("nothing is, with no mutation on", async () => {
    const said = await boot(module, image, 0, ["selftest: "]);
    assert.match(said, /selftest: \d+ ok, 0 failed/);
  });
  for (const [i, { what, fails }] of MUTATIONS.entries()) {
    await t.step(what, async () => {
      const line = `FAIL ${fails}`;
      const said = await boot(module, image, i + 1, [line, "selftest: "]);
      assert(said.includes(line), `no "${line}" in:\n${said.slice(-600)}`);
    });
  }
});
