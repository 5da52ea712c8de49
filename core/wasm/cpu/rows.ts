// The decoder's view of the instruction table: how jit/isa/generate.ts lays it out, and the handlers
// and places that have fixed numbers (jit/isa/plan.ts, jit/isa/forms.ts).

// Handlers that belong to no row: jit/isa/plan.ts SPECIAL.
export const H_UNDEFINED: u32 = 0;
export const H_EXIT: u32 = 1;
export const H_STALE: u32 = 2;
export const H_END: u32 = 3;
export const H_TOO_LONG: u32 = 4;
export const H_LONG_END: u32 = 5;

export const MAX_BLOCK: u32 = 64;

// Row layout, as generate.ts writes it.
export const ROW_SIZE: usize = 8;
export const ROW_ATTR: usize = 3;
export const ROW_WRITES: usize = 4;
export const ROW_READS: usize = 5;
export const ROW_MAY_WRITE: usize = 6; // what it writes for certain included
export const ROW_LONG: usize = 7; // LONG_*
export const FORMS_PER_ROW: usize = 20;
export const LONG_FORMS_PER_ROW: usize = 30;
export const ATTR_MODRM: u32 = 1;
export const ATTR_ENDS: u32 = 2;
export const ATTR_LOCK: u32 = 4;
export const ATTR_IMPLICIT: u32 = 16;
export const ATTR_MAY_FAULT: u32 = 32;
export const ATTR_NO_FLAGS: u32 = 64;
export const ATTR_EXITS: u32 = 128;

// In 64-bit code: the operand size is 64 bits without a prefix, or whatever the prefixes.
export const LONG_DEFAULT: u32 = 1;
export const LONG_FORCED: u32 = 2;

// Where the ModRM operand is: jit/isa/forms.ts.
export const PLACE_REGISTER: u32 = 0;
export const PLACE_BASE: u32 = 1;
export const PLACE_INDEXED: u32 = 2;
export const PLACE_CHECKED: u32 = 3;
export const PLACE_CHECKED_STACK: u32 = 4;
