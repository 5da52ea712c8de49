/** In virtual time a run is a function of its input: two boots make the same steps at the same times. */
import assert from "node:assert/strict";
import { createMachine } from "../../core/host/create_machine.ts";
import { folder } from "../conformance/golden.ts";

const EVERYTHING = 15;

/** Boots the conformance guest and hashes everything the tracer is told, with its time. */
async function trail(commandLine: string): Promise<{ hash: number; steps: number; end: bigint }> {
  const image = Deno.readFileSync(new URL("pv32.elf", folder()));
  const machine = await createMachine({ time: "virtual" });
  const now = () => (machine.core.exports as unknown as { machine_time(): bigint }).machine_time();
  let hash = 0, steps = 0;
  const mix = (word: number) => hash = Math.imul(hash ^ word, 0x01000193) >>> 0;
  machine.trace(EVERYTHING, (...words) => {
    words.forEach(mix);
    mix(Number(now() & 0xffffffffn));
    steps++;
  });
  const domain = await machine.addDomain(image, { commandLine, vcpus: 2 });
  assert.equal((await domain.shutdown).code, 0);
  machine.stop();
  return { hash, steps, end: now() };
}

Deno.test("two boots in virtual time are the same boot [time.virtual]", async () => {
  const commandLine = "only=hc+evt+upcall+sched+smp+vcpu";
  const first = await trail(commandLine);
  // meanwhile the host is busy with other things, which must not show
  const busy = setInterval(() => {
    for (const end = performance.now() + 3; performance.now() < end;);
  }, 5);
  const second = await trail(commandLine);
  clearInterval(busy);
  assert.ok(first.steps > 1000);
  assert.deepEqual(second, first);
});
