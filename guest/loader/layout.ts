// Where things are in the loader's address space. Below the kernel all belongs to the program.

import { VIRT_BASE } from "../abi/numbers.ts";

/** Lowest and highest address that a program may use. */
export const USER_LOW = 0x10000, USER_END = VIRT_BASE;
/** The stack, which gets its pages as it grows. */
export const STACK_TOP = USER_END - 0x1000, STACK_LOW = STACK_TOP - 0x800000;
/** mmap gives out addresses from here downwards. */
export const MMAP_TOP = 0xb0000000;

/** Each file that programs have written has a window of kernel addresses for its contents. */
export const FILES = 32, FILE_WINDOW = 0x1000000, FILES_BASE = 0xd0000000;
