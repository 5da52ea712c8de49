/**
 * Where things lie when cases of 64-bit code run, natively and here. Memory is that of the 32-bit oracle
 * (../layout.ts); records hold what Linux keeps in a signal frame.
 */
import { MEMORY_SIZE } from "../layout.ts";

/** General registers, RIP and EFLAGS in the order of struct sigcontext_64, by their encoding. */
export const SIGNAL_ORDER = [8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4];

// Byte offsets in a record. What stands before the memory is sigcontext's, 23 quadwords of it.
export const REC_RIP = 16 * 8;
export const REC_EFLAGS = 17 * 8;
export const REC_ERROR = 19 * 8;
export const REC_VECTOR = 20 * 8;
export const REC_CR2 = 22 * 8;
export const CONTEXT_WORDS = 23;
/** Of these a case sets the first so many. */
export const CASE_WORDS = 18;
export const REC_MEMORY = 192;
export const REC_FX = REC_MEMORY + MEMORY_SIZE;
/** What FXSAVE64 writes of registers: the last 96 bytes of its area are the kernel's. */
export const FX_BYTES = 416;
export const RECORD_BYTES = REC_FX + 512;

/** Selectors of a 64-bit process; data segments are null. */
export const USER_CS = 0x33, USER_SS = 0x2b;
/** Bases of FS and GS: one below the scratch, one far above what 32 bits reach, so that sums wrap. */
export const FS_BASE = 0x0800a000n;
export const GS_BASE = 0x00007000_00000000n;

/** UD2: where the code of a case ends, and what lies at its jumps' targets. */
export const END = [0x0f, 0x0b];
