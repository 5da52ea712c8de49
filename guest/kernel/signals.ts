// Which signal tells a program about which exception.

import { SIG } from "../abi/linux.ts";
import { table, u32 } from "../asm/mod.ts";
import type { Place, Value } from "../asm/mod.ts";

/** The signal that Linux would send for each exception. */
const signals = table("signals", () => {
  const by: number[] = Array(32).fill(SIG.segv);
  for (const vector of [0, 16, 19]) by[vector] = SIG.fpe;
  for (const vector of [1, 3]) by[vector] = SIG.trap;
  by[6] = SIG.ill;
  by[17] = SIG.bus;
  return by;
});
/** The signal for an exception's vector. */
export const signalOf = (vector: Value): Place => u32.at(vector.and(31).times(4).plus(signals));
