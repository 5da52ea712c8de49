/**
 * The machine image: a machine as it stands, in a file. Told to strangers in docs/embedding.md; what
 * is said there and here changes together, and with it the version.
 *
 * All numbers are little-endian. The file is the following, gzip'd:
 *
 *     0  "PARAVANE"
 *     8  u32  version of this format, 1
 *    12  u32  number of domains, D
 *    16  u32  pages (64 KiB) of the module's memory
 *    20  u32  number of WASM globals, G
 *    24  u32  number of regions, R
 *    28  u32  abi_version() of the module
 *    32  32 bytes, SHA-256 of the module that was frozen
 *    64  u64  system time in ns: env.clock() has to go on from here
 *    72  D times 64 bytes of domains, then G times u64, then R times { u32 address, u32 length },
 *        then the bytes of the regions, one after the other
 *
 * A domain is { u32 number, u32 address of the console's ring, u32 console's port, 52 bytes of name }.
 */

export const FORMAT_VERSION = 1;
const MAGIC = "PARAVANE";
const HEADER = 72;
const DOMAIN = 64;
const NAME_AT = 12;

/** A domain of an image. */
export interface FrozenDomain {
  id: number;
  name: string;
  /** Linear address of the ring page that the guest and its host share (Xen's io/console.h). */
  consoleAddress: number;
  /** The guest's port for it: to be notified when the host has moved something. */
  consolePort: number;
}

/** A run of bytes of linear memory that a fresh instance of the module does not have. */
export interface Region {
  address: number;
  bytes: Uint8Array;
}

/** All there is to a machine. */
export interface FrozenMachine {
  abiVersion: number;
  /** SHA-256 of the module: another build has another memory layout. */
  module: Uint8Array;
  /** ns of system time. */
  time: bigint;
  /** Pages of 64 KiB. */
  memoryPages: number;
  globals: BigUint64Array;
  domains: FrozenDomain[];
  regions: Region[];
}

/** Why a file is no image, in words for people. */
export class MachineImageError extends Error {
  override readonly name = "MachineImageError";
}

/** @returns the image's bytes, not compressed yet */
export function encodeMachine(machine: FrozenMachine): Uint8Array<ArrayBuffer> {
  const { domains, globals, regions } = machine;
  const tables = HEADER + domains.length * DOMAIN + globals.length * 8 + regions.length * 8;
  const bytes = new Uint8Array(regions.reduce((sum, r) => sum + r.bytes.length, tables));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  [FORMAT_VERSION, domains.length, machine.memoryPages, globals.length, regions.length]
    .forEach((n, i) => view.setUint32(8 + 4 * i, n, true));
  view.setUint32(28, machine.abiVersion, true);
  bytes.set(machine.module, 32);
  view.setBigUint64(64, machine.time, true);
  let at = HEADER;
  for (const d of domains) {
    view.setUint32(at, d.id, true);
    view.setUint32(at + 4, d.consoleAddress, true);
    view.setUint32(at + 8, d.consolePort, true);
    bytes.set(new TextEncoder().encode(d.name).subarray(0, DOMAIN - NAME_AT - 1), at + NAME_AT);
    at += DOMAIN;
  }
  for (const value of globals) {
    view.setBigUint64(at, value, true);
    at += 8;
  }
  let data = tables;
  for (const region of regions) {
    view.setUint32(at, region.address, true);
    view.setUint32(at + 4, region.bytes.length, true);
    at += 8;
    bytes.set(region.bytes, data);
    data += region.bytes.length;
  }
  return bytes;
}

/**
 * Reads an image.
 *
 * @param bytes not compressed any more
 * @throws MachineImageError when it is none, is of another version, or ends before its end
 */
export function decodeMachine(bytes: Uint8Array): FrozenMachine {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER || text(bytes, 0, MAGIC.length) !== MAGIC) {
    throw new MachineImageError("this is no machine image");
  }
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) {
    throw new MachineImageError(`a machine image of version ${version}; ${FORMAT_VERSION} is read`);
  }
  const [domainCount, memoryPages, globalCount, regionCount] = [12, 16, 20, 24]
    .map((at) => view.getUint32(at, true));
  const tables = HEADER + domainCount * DOMAIN + globalCount * 8 + regionCount * 8;
  if (tables > bytes.length) throw tooShort(bytes, tables);
  let at = HEADER;
  const domains = Array.from({ length: domainCount }, (_, i) => {
    const d = at + i * DOMAIN;
    return {
      id: view.getUint32(d, true),
      consoleAddress: view.getUint32(d + 4, true),
      consolePort: view.getUint32(d + 8, true),
      name: text(bytes, d + NAME_AT, DOMAIN - NAME_AT),
    };
  });
  at += domainCount * DOMAIN;
  const globals = BigUint64Array.from(
    { length: globalCount },
    (_, i) => view.getBigUint64(at + 8 * i, true),
  );
  at += globalCount * 8;
  let data = tables;
  const regions = Array.from({ length: regionCount }, (_, i) => {
    const address = view.getUint32(at + 8 * i, true);
    const length = view.getUint32(at + 8 * i + 4, true);
    data += length;
    if (data > bytes.length) throw tooShort(bytes, data);
    if (address + length > memoryPages * 65536) {
      throw new MachineImageError(`region ${i} of the image lies outside its memory`);
    }
    return { address, bytes: bytes.subarray(data - length, data) };
  });
  return {
    abiVersion: view.getUint32(28, true),
    module: bytes.slice(32, 64),
    time: view.getBigUint64(64, true),
    memoryPages,
    globals,
    domains,
    regions,
  };
}

function tooShort(bytes: Uint8Array, wanted: number): MachineImageError {
  return new MachineImageError(`the image ends after ${bytes.length} of ${wanted} bytes`);
}

/** Text up to its NUL. */
function text(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
