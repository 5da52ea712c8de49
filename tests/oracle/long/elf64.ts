/** Writes a static x86-64 executable: an ELF header, program headers, and what they load. */

const EHDR = 64, PHDR = 56, PAGE = 4096;
const PT_LOAD = 1, ET_EXEC = 2, EM_X86_64 = 62;

/** A run of pages. */
export interface Segment64 {
  address: number;
  bytes: Uint8Array;
  /** Bytes in memory; as many as there are if not given. */
  size?: number;
  writable?: boolean;
  executable?: boolean;
}

export function staticProgram(entry: number, segments: readonly Segment64[]): Uint8Array {
  let end = EHDR + PHDR * segments.length;
  const places = segments.map((s) => {
    const at = (end + PAGE - 1) & ~(PAGE - 1);
    end = at + s.bytes.length;
    return at;
  });
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  const quads = (at: number, list: number[]) =>
    list.forEach((v, i) => view.setBigUint64(at + i * 8, BigInt(v), true));
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint32(16, ET_EXEC | EM_X86_64 << 16, true);
  view.setUint32(20, 1, true);
  quads(24, [entry, EHDR, 0]);
  [EHDR, PHDR, segments.length].forEach((v, i) => view.setUint16(52 + i * 2, v, true));
  segments.forEach((s, i) => {
    const at = EHDR + PHDR * i;
    view.setUint32(at, PT_LOAD, true);
    view.setUint32(at + 4, 4 | (s.writable ? 2 : 0) | (s.executable ? 1 : 0), true);
    const n = s.bytes.length;
    quads(at + 8, [places[i], s.address, s.address, n, s.size ?? n, PAGE]);
    file.set(s.bytes, places[i]);
  });
  return file;
}
