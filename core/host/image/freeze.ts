/** Takes a machine's state out of its module, and puts one into a fresh instance. */
import { MAILBOX, MAILBOX_SIZE } from "../../wasm/layout.ts";
import {
  decodeMachine,
  encodeMachine,
  type FrozenDomain,
  MachineImageError,
  type Region,
} from "./format.ts";

/** What freezing asks of a module (docs/embedding.md). */
export interface Freezable {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
  machine_time(): bigint;
  machine_freeze(at: number): number;
  machine_thaw(at: number): void;
  code_drop(): void;
}

/** Grain in which memory is compared with a fresh instance's. */
const GRAIN = 4096;
const WASM_PAGE = 65536;
/** Imports of an instance that is never run. */
const nothing = {
  env: { log() {}, trace() {}, clock: () => 0n, wall: () => 0n },
};

async function instance(module: Uint8Array<ArrayBuffer>): Promise<Freezable> {
  const { instance } = await WebAssembly.instantiate(module, nothing);
  return instance.exports as unknown as Freezable;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer(),
  );
}

/**
 * Freezes a machine, which must not be within a slice. It is as it was afterwards, but for its decoded
 * code, which is decoded again.
 *
 * @param module the module's bytes
 * @param core the instance that the machine runs in
 * @returns the image file
 */
export async function freeze(
  module: Uint8Array<ArrayBuffer>,
  core: Freezable,
  domains: FrozenDomain[],
): Promise<Uint8Array<ArrayBuffer>> {
  core.code_drop(); // records may name translations, which stay behind
  const count = core.machine_freeze(MAILBOX);
  const mailbox = new DataView(core.memory.buffer, MAILBOX, MAILBOX_SIZE);
  const globals = BigUint64Array.from(
    { length: count },
    (_, i) => mailbox.getBigUint64(8 * i, true),
  );
  new Uint8Array(core.memory.buffer, MAILBOX, MAILBOX_SIZE).fill(0);
  const fresh = await instance(module);
  const image = encodeMachine({
    abiVersion: core.abi_version(),
    module: await sha256(module),
    time: core.machine_time(),
    memoryPages: core.memory.buffer.byteLength / WASM_PAGE,
    globals,
    domains,
    regions: [...differences(
      new Uint8Array(fresh.memory.buffer),
      new Uint8Array(core.memory.buffer),
    )],
  });
  return await through(image, new CompressionStream("gzip"));
}

/** Where memory is not what it was in the beginning, in whole grains. */
function* differences(before: Uint8Array, after: Uint8Array): Generator<Region> {
  const words = (bytes: Uint8Array) => new BigUint64Array(bytes.buffer, 0, bytes.length / 8);
  const [old, now] = [words(before), words(after)];
  const differs = (grain: number) => {
    const first = grain * GRAIN / 8;
    for (let i = first; i < first + GRAIN / 8; i++) if (now[i] !== (old[i] ?? 0n)) return true;
    return false;
  };
  const grains = after.length / GRAIN;
  for (let grain = 0; grain < grains; grain++) {
    if (!differs(grain)) continue;
    const start = grain;
    while (grain + 1 < grains && differs(grain + 1)) grain++;
    yield {
      address: start * GRAIN,
      bytes: after.subarray(start * GRAIN, (grain + 1) * GRAIN),
    };
  }
}

/**
 * Brings a frozen machine back, in an instance that has not been used.
 *
 * @param file the image
 * @param module bytes of the module that `core` is an instance of
 * @returns its domains, and the system time (ns) that env.clock has to go on from
 * @throws MachineImageError when the file is no image, or one of another module
 */
export async function thaw(
  file: Uint8Array<ArrayBuffer>,
  module: Uint8Array<ArrayBuffer>,
  core: Freezable,
): Promise<{ domains: FrozenDomain[]; time: bigint }> {
  let bytes;
  try {
    bytes = await through(file, new DecompressionStream("gzip"));
  } catch {
    throw new MachineImageError("this is no machine image: it is not gzip'd");
  }
  const { memoryPages, regions, globals, domains, time, module: hash } = decodeMachine(bytes);
  const own = await sha256(module);
  if (own.some((byte, i) => byte !== hash[i])) {
    throw new MachineImageError("the image was made by another build of paravane.wasm");
  }
  const missing = memoryPages - core.memory.buffer.byteLength / WASM_PAGE;
  if (missing > 0) core.memory.grow(missing);
  const memory = new Uint8Array(core.memory.buffer);
  for (const region of regions) memory.set(region.bytes, region.address);
  const mailbox = new DataView(core.memory.buffer, MAILBOX, MAILBOX_SIZE);
  globals.forEach((value, i) => mailbox.setBigUint64(8 * i, value, true));
  core.machine_thaw(MAILBOX);
  return { domains, time };
}
