// Programs that ask for memory.

import { fn, for_, local, ret, u32 } from "../../../guest/asm/mod.ts";
import {
  ANONYMOUS,
  BRK,
  FIXED,
  GETRANDOM,
  MMAP2,
  MPROTECT,
  MREMAP,
  MUNMAP,
  PAGE,
  R,
  RW,
  show,
  sys,
  WRITE,
} from "./calls.ts";

export const memory = fn("memory", () => {
  const at = local(sys(MMAP2, 0, 4 * PAGE, RW, ANONYMOUS, -1));
  u32.at(at.plus(PAGE)).set(0x1111);
  u32.at(at.plus(3 * PAGE)).set(0x3333);
  show(u32.at(at));
  // A page that may only be read, in the middle: the kernel may not write there either.
  show(sys(MPROTECT, at.plus(PAGE), PAGE, R));
  show(u32.at(at.plus(PAGE)));
  show(sys(GETRANDOM, at.plus(PAGE), 4));
  show(sys(GETRANDOM, at.plus(2 * PAGE), 4));
  show(sys(MPROTECT, at.plus(PAGE), PAGE, RW));
  u32.at(at.plus(PAGE)).set(0x1112);
  // What was unmapped is refused, and comes back as zeroes.
  show(sys(MUNMAP, at.plus(PAGE), PAGE));
  show(sys(WRITE, 1, at.plus(PAGE), 1));
  show(sys(MMAP2, at.plus(PAGE), PAGE, RW, FIXED, -1).eq(at.plus(PAGE)));
  show(u32.at(at.plus(PAGE)));
  // The last page grows elsewhere, with what is in it, and leaves its place.
  const moved = local(sys(MREMAP, at.plus(3 * PAGE), PAGE, 600 * PAGE, 1));
  show(u32.at(moved));
  show(u32.at(moved.plus(599 * PAGE)));
  u32.at(moved.plus(599 * PAGE)).set(1);
  show(sys(MREMAP, moved, 600 * PAGE, PAGE, 0).eq(moved));
  show(sys(WRITE, 1, moved.plus(PAGE), 1));
  show(sys(MUNMAP, moved.plus(1), PAGE));
  show(sys(MMAP2, 0, 0, RW, ANONYMOUS, -1));
  show(sys(MREMAP, at, 0x7fff0000, 0x7fff1000, 1).isNegative());
  ret(0);
});

export const heap = fn("heap", () => {
  const start = local(sys(BRK, 0));
  const end = local(start.plus(5 * PAGE + 3));
  show(sys(BRK, end).eq(end));
  u32.at(end.minus(4)).set(7);
  show(sys(BRK, start.plus(1)).eq(start.plus(1)));
  show(sys(BRK, end).eq(end));
  show(u32.at(end.minus(4)));
  show(sys(BRK, 0xfffffff0).eq(end));
  show(sys(BRK, 4).eq(end));
  ret(3);
});

/** Touches more pages than the loader has; not for Linux. */
export const GLUTTON = fn("glutton", () => {
  const at = local(sys(MMAP2, 0, 0x40000000, RW, ANONYMOUS, -1));
  for_(0, 0x40000, (i) => u32.at(at.plus(i.shl(12))).set(i));
  ret(0);
});
