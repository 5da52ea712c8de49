// Whether pages can be marked as holding no instructions.

import { global, u32 } from "../../asm/mod.ts";

/** The bit in an entry's upper half, or 0 on a processor without. */
export const noExecute = global("no_execute", u32);
