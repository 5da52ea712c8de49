/** Machines taken out of one instance and put into another. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Core } from "../../core/host/core.ts";
import { decodeMachine, encodeMachine, MachineImageError } from "../../core/host/image/format.ts";
import { type Freezable, freeze, thaw } from "../../core/host/image/freeze.ts";
import { createMachine, loadGuest, loadModule } from "../../mod.ts";

const module = await loadModule();

type Exports = Core["exports"] & Freezable;

/** A bare instance whose clock goes on from `time`. */
async function bare(): Promise<{ x: Exports; setTime: (time: bigint) => void }> {
  let time = 0n;
  const env = { log() {}, trace() {}, clock: () => time, wall: () => 0n };
  const { instance } = await WebAssembly.instantiate(module, { env });
  return { x: instance.exports as unknown as Exports, setTime: (t) => time = t };
}

/** Runs a domain to its end or for so many slices. */
function run(x: Exports, domid: number, slices: number): void {
  for (let n = 0; n < slices && x.domain_state(domid) < 2; n++) {
    x.machine_run(x.machine_time(), 1000);
  }
}

async function frozenLoop(): Promise<Uint8Array<ArrayBuffer>> {
  const machine = await createMachine({ module, time: "virtual" });
  const image = (await loadGuest("hypercall-loop"))!;
  const domain = await machine.addDomain(image, { memory: 8, paused: true, xenstore: false });
  machine.stop();
  machine.core.exports.domain_unpause(domain.id);
  return await freeze(module, machine.core.exports as Exports, []);
}

Deno.test("a machine frozen in the middle goes on elsewhere and ends as it would have", async () => {
  const start = await frozenLoop();
  const one = await bare();
  await thaw(start, module, one.x);
  run(one.x, 1, 200);
  assert.equal(one.x.domain_state(1), 1, "it still runs");
  const middle = await freeze(module, one.x, []);

  const other = await bare();
  await thaw(middle, module, other.x);
  assert.equal(other.x.audit(1), 0);
  assert.equal(other.x.machine_time(), one.x.machine_time());
  for (const { x } of [one, other]) {
    run(x, 1, 1_000_000);
    assert.equal(x.domain_state(1), 2);
    assert.equal(x.domain_shutdown_code(1), 0);
  }
  assert.equal(
    other.x.machine_time(),
    one.x.machine_time(),
    "virtual time: instruction for instruction",
  );
});

Deno.test("what is no image, is of another build or version, or is cut off is refused", async () => {
  const file = await frozenLoop();
  const refuses = async (bytes: Uint8Array<ArrayBuffer>, expected: RegExp) => {
    const { x } = await bare();
    await assert.rejects(thaw(bytes, module, x), (error) => {
      assert.ok(error instanceof MachineImageError);
      assert.match(error.message, expected);
      return true;
    });
  };
  const gzip = async (bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream) =>
    new Uint8Array(
      await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer(),
    );
  const plain = await gzip(file, new DecompressionStream("gzip"));
  const changed = async (change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) =>
    await gzip(change(plain.slice()), new CompressionStream("gzip"));
  await refuses(new Uint8Array([1, 2, 3]), /not gzip'd/);
  await refuses(await changed((b) => b.fill(0, 0, 8)), /no machine image/);
  await refuses(await changed((b) => (b[8] = 9, b)), /version 9/);
  await refuses(await changed((b) => (b[32] ^= 1, b)), /another build/);
  await refuses(await changed((b) => b.slice(0, b.length - 1)), /ends after/);
  await refuses(await changed((b) => b.slice(0, 100)), /ends after/);
});

Deno.test("the format: what is written is read again", () => {
  const u32 = fc.nat(0xffffffff);
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const machine = fc.record({
    abiVersion: u32,
    module: bytes(32),
    time: fc.bigInt(0n, 2n ** 64n - 1n),
    memoryPages: fc.constant(65536),
    globals: fc.array(fc.bigInt(0n, 2n ** 64n - 1n)).map((all) => BigUint64Array.from(all)),
    domains: fc.array(fc.record({
      id: u32,
      name: fc.stringMatching(/^[a-z0-9-]{0,51}$/),
      consoleAddress: u32,
      consolePort: u32,
    })),
    regions: fc.array(fc.record({
      address: fc.nat(0xfffff000),
      bytes: fc.uint8Array({ maxLength: 64 }),
    })),
  });
  const plain = (m: object) => ({ ...m });
  fc.assert(fc.property(machine, (m) => {
    const read = decodeMachine(encodeMachine(m));
    assert.deepEqual(read, { ...m, domains: m.domains.map(plain), regions: m.regions.map(plain) });
  }));
});
