/** A new domain's memory, addressed by its own page numbers. */
import { type Core, PAGE_SIZE } from "../core.ts";

/** Bytes that are copied at once: a page that the host has to find first takes microseconds. */
const PIECE = 64 * 1024;

export class GuestMemory {
  /** @param mfns machine frame of each page of the domain */
  constructor(readonly core: Core, readonly mfns: Uint32Array) {}

  /** The bytes of one page; valid until the core's memory grows. */
  page(pfn: number): Uint8Array {
    return this.core.frame(this.mfns[pfn]);
  }

  /** Copies bytes to `offset` bytes behind the start of page `pfn`, across frames as needed. */
  write(pfn: number, offset: number, data: Uint8Array): void {
    this.#eachPage(pfn, offset, data.length, (page, at, length, done) => {
      page.set(data.subarray(done, done + length), at);
    });
  }

  /** The same in pieces, with a pause after each. */
  async writeSlowly(
    pfn: number,
    offset: number,
    data: Uint8Array,
    pause: () => void | Promise<void>,
  ): Promise<void> {
    for (let at = 0; at < data.length; at += PIECE) {
      this.write(pfn, offset + at, data.subarray(at, at + PIECE));
      await pause();
    }
  }

  /** Zeroes `length` bytes. */
  clear(pfn: number, offset: number, length: number): void {
    this.#eachPage(pfn, offset, length, (page, at, length) => page.fill(0, at, at + length));
  }

  #eachPage(
    pfn: number,
    offset: number,
    length: number,
    act: (page: Uint8Array, at: number, length: number, done: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const from = offset + done;
      const at = from % PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - at, length - done);
      act(this.page(pfn + Math.floor(from / PAGE_SIZE)), at, part, done);
      done += part;
    }
  }
}
