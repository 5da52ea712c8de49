/**
 * Reads little-endian numbers and strings out of a file, and never outside it.
 *
 * Offsets may be any non-negative number up to 2^53: a damaged image gives absurd ones, and each
 * read says what it wanted and where when the file does not reach that far.
 */
import { hex, ImageError } from "./image_error.ts";

/** Longest string taken from an image, its NUL not counted (Xen: ELF_MAX_STRING_LENGTH). */
export const MAX_STRING = 4096;

export class Reader {
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Whether `length` bytes at `offset` lie in the file. */
  has(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.bytes.length;
  }

  /** Throws unless `length` bytes at `offset` lie in the file; `what` names them. */
  need(offset: number, length: number, what: string): void {
    if (this.has(offset, length)) return;
    throw new ImageError(
      "truncated",
      `${what} at offset ${hex(offset)} (${length} bytes) lies outside the file, which has ` +
        `${this.bytes.length} bytes`,
    );
  }

  u8(offset: number, what: string): number {
    this.need(offset, 1, what);
    return this.#view.getUint8(offset);
  }

  u16(offset: number, what: string): number {
    this.need(offset, 2, what);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number, what: string): number {
    this.need(offset, 4, what);
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number, what: string): bigint {
    this.need(offset, 8, what);
    return this.#view.getBigUint64(offset, true);
  }

  /** The bytes themselves, not a copy. */
  slice(offset: number, length: number, what: string): Uint8Array {
    this.need(offset, length, what);
    return this.bytes.subarray(offset, offset + length);
  }

  /** A NUL-terminated string of at most MAX_STRING bytes, one character for each byte. */
  string(offset: number, what: string): string {
    this.need(offset, 1, what);
    const limit = Math.min(offset + MAX_STRING, this.bytes.length);
    const end = this.bytes.subarray(offset, limit).indexOf(0);
    if (end < 0) {
      throw new ImageError("truncated", `${what} at offset ${hex(offset)} has no end (NUL)`);
    }
    let text = "";
    for (const byte of this.bytes.subarray(offset, offset + end)) {
      text += String.fromCharCode(byte);
    }
    return text;
  }
}
