// The layout of the global descriptor table, which every processor has a copy of, and what its
// descriptors say.

import { local } from "../../asm/mod.ts";
import type { Given, Value } from "../../asm/mod.ts";
import { DATA3, FLAT_SEGMENTS } from "../../kernel/selectors.ts";

/** Entries for thread-local storage, for a bad IRET's target and for the checks to try. */
export const TLS_ENTRY = 5, ABSENT_ENTRY = 6, SPARE_ENTRY = 7;
export const TLS = TLS_ENTRY * 8 | 3, ABSENT = ABSENT_ENTRY * 8 | 3, SPARE = SPARE_ENTRY * 8 | 1;
export const GDT_ENTRIES = 512;

/** DATA3 without the present bit. */
export const ABSENT3 = DATA3 & ~0x8000;

/** What stands in each GDT to begin with. */
export const SEGMENTS = [...FLAT_SEGMENTS, [TLS, DATA3], [ABSENT, ABSENT3]] as const;

/** The words of a 4 GiB segment that begins at `base`; `kind` is one of the high words above. */
export function basedWords(base: Given, kind: number): { low: Value; high: Value } {
  const b = local(base);
  return {
    low: b.shl(16).or(0xffff),
    high: b.shr(16).and(0xff).or(b.and(0xff000000)).or(kind),
  };
}
