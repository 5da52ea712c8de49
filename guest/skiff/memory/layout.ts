// Addresses. The kernel's quarter holds all of memory that it can name, then what it makes up.

import { MACH2PHYS, VIRT_BASE } from "../../abi/numbers.ts";

/** The kernel names so many pages: the rest of a larger memory lies idle. */
export const LOW_PAGES = (0xf0000000 - VIRT_BASE) / 4096;
/** A range of kernel addresses with a level 1 table and nothing in it: checks and benches map here. */
export const SCRATCH = 0xf2000000, SCRATCH_END = 0xf2200000;
/** Where the hypervisor begins on every Xen. */
export const HYPERVISOR = MACH2PHYS;

/** Programs: their image, the heap behind it, mappings, the stack below USER_END. */
export const HEAP = 0x09000000, MAPPINGS = 0x20000000, USER_END = 0x3ffff000;
export const STACK_SIZE = 0x20000;
