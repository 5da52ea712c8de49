// Words set to zero.

import { fn, for_, u32 } from "../asm/mod.ts";

/** (address, count): sets so many 32-bit words to zero. */
export const clear_words = fn("clear_words", (address, count) => {
  for_(0, count, (i) => u32.at(address.plus(i.shl(2))).set(0));
});
