// Selectors and descriptors of a kernel of ours, in the order of its GDT.

import { asm, code, ds, eax, ecx, es, fs, gs, ss } from "../asm/mod.ts";

/** The kernel lives in ring 1, its programs in ring 3. */
export const KERNEL_CS = 0x09, KERNEL_DS = 0x11, USER_CS = 0x1b, USER_DS = 0x23;

/** Low word of a flat 4 GiB segment, and high words: code and data of ring 1 and of ring 3. */
export const FLAT_LOW = 0x0000ffff;
export const CODE1 = 0x00cfbb00, DATA1 = 0x00cfb300, CODE3 = 0x00cffb00, DATA3 = 0x00cff300;

export const FLAT_SEGMENTS = [
  [KERNEL_CS, CODE1],
  [KERNEL_DS, DATA1],
  [USER_CS, CODE3],
  [USER_DS, DATA3],
] as const;

/** Loads the kernel's selectors; CS by a far return. */
export const load_segments = code("load_segments", () => {
  asm.mov(eax, KERNEL_DS);
  for (const segment of [ds, es, fs, gs, ss]) asm.mov(segment, eax);
  asm.pop(ecx);
  asm.push(KERNEL_CS);
  asm.push(ecx);
  asm.retf();
});
