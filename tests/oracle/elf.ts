/** Writes the two executables' ELF files: program headers and what they load. */
import { type Note, noteBytes } from "../host/elf/make_elf.ts";
import { BASE } from "./layout.ts";

const EHDR = 52, PHDR = 32, PAGE = 4096;
const PT_LOAD = 1, PT_NOTE = 4;

/** A run of pages. */
export interface Segment {
  address: number;
  bytes: Uint8Array;
  /** Bytes in memory; as many as there are if not given. */
  size?: number;
  writable?: boolean;
  executable?: boolean;
}

/** An i386 executable; physical addresses count from BASE. */
export function executable(entry: number, segments: Segment[], notes: Note[] = []): Uint8Array {
  const note = notes.length ? noteBytes(notes) : new Uint8Array(0);
  const count = segments.length + (notes.length ? 1 : 0);
  const noteAt = EHDR + PHDR * count;
  let end = noteAt + note.length;
  const places = segments.map((s) => {
    const at = (end + PAGE - 1) & ~(PAGE - 1);
    end = at + s.bytes.length;
    return at;
  });
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const header = [2 | 3 << 16, 1, entry, EHDR, 0, 0, EHDR | PHDR << 16, count];
  header.forEach((w, i) => view.setUint32(16 + i * 4, w, true));
  const programHeader = (i: number, ...words: number[]) =>
    words.forEach((w, k) => view.setUint32(EHDR + PHDR * i + k * 4, w, true));
  segments.forEach((s, i) => {
    const flags = 4 | (s.writable ? 2 : 0) | (s.executable ? 1 : 0);
    const n = s.bytes.length;
    file.set(s.bytes, places[i]);
    programHeader(i, PT_LOAD, places[i], s.address, s.address - BASE, n, s.size ?? n, flags, PAGE);
  });
  if (notes.length) {
    file.set(note, noteAt);
    const n = note.length;
    programHeader(count - 1, PT_NOTE, noteAt, 0, 0, n, n, 4, 4);
  }
  return file;
}
