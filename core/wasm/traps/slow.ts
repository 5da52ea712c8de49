// Slow instructions: one function per instruction the interpreter leaves to the core.
// Operands are in the record at C_RECORD (layout.ts REC_*).
import { fault, UD } from "../cpu/state";

export { insn_cpuid } from "./cpuid";
export { insn_int, insn_int1, insn_int3, insn_into } from "./interrupt";
export { insn_io } from "./io";
export { insn_iret } from "./iret";
export { insn_privileged } from "./privileged";
export { insn_rdtsc, insn_rdtscp } from "./tsc";

/** UD2 and every undefined opcode; the forced-emulation prefix is looked for when the fault is delivered. */
export function insn_ud(): void {
  fault(UD, 0);
}
