// The layout of the global descriptor table, which every processor has a copy of, and what its
// descriptors say.

import type { Given, Value } from "../../asm/mod.ts";
import { local } from "../../asm/mod.ts";

/** Selectors. The kernel lives in ring 1, which is where both kinds of machine let it. */
export const KERNEL_CS = 0x09, KERNEL_DS = 0x11, USER_CS = 0x1b, USER_DS = 0x23;
/** Entries for thread-local storage, for a bad IRET's target and for the checks to try. */
export const TLS_ENTRY = 5, ABSENT_ENTRY = 6, SPARE_ENTRY = 7;
export const TLS = TLS_ENTRY * 8 | 3, ABSENT = ABSENT_ENTRY * 8 | 3, SPARE = SPARE_ENTRY * 8 | 1;
export const GDT_ENTRIES = 512;

/** Low word of a flat segment, and high words: code and data of ring 1 and ring 3. */
export const FLAT_LOW = 0x0000ffff;
export const CODE1 = 0x00cfbb00, DATA1 = 0x00cfb300, CODE3 = 0x00cffb00, DATA3 = 0x00cff300;
/** DATA3 without the present bit. */
export const ABSENT3 = DATA3 & ~0x8000;

export const FLAT_SEGMENTS = [
  [KERNEL_CS, CODE1],
  [KERNEL_DS, DATA1],
  [USER_CS, CODE3],
  [USER_DS, DATA3],
  [TLS, DATA3],
  [ABSENT, ABSENT3],
] as const;

/** The words of a 4 GiB segment that begins at `base`; `kind` is one of the high words above. */
export function basedWords(base: Given, kind: number): { low: Value; high: Value } {
  const b = local(base);
  return {
    low: b.shl(16).or(0xffff),
    high: b.shr(16).and(0xff).or(b.and(0xff000000)).or(kind),
  };
}
