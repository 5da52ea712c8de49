// Traps by number, and the segment registers that every entry saves.

import { asm, bind, dword, esp, Label, ss } from "../asm/mod.ts";
import type { Reg } from "../asm/mod.ts";
import { onFault } from "./fixups.ts";

/** Vectors for which the processor pushes an error code. */
export const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];
/** System calls, and the number that upcalls have in a TrapFrame: no gate has it. */
export const SYSCALL = 0x80, UPCALL = 0x100;

/** The exceptions that a guest may see. */
export const EXCEPTIONS: Record<number, string> = {
  0: "divide_error",
  1: "debug",
  3: "breakpoint",
  4: "overflow",
  5: "bounds",
  6: "invalid_opcode",
  7: "device_not_available",
  10: "invalid_tss",
  11: "segment_not_present",
  12: "stack_fault",
  13: "general_protection",
  14: "page_fault",
  16: "fpu_error",
  17: "alignment_check",
  19: "simd_error",
};

/** Pops a segment register; a selector that cannot be loaded is replaced by the null selector. */
export function popSegment(segment: Reg): void {
  const pop = new Label("pop"), bad = new Label("bad"), done = new Label("done");
  bind(pop);
  asm.pop(segment);
  asm.jmp(done);
  bind(bad);
  asm.mov(dword(esp).via(ss), 0);
  asm.jmp(pop);
  bind(done);
  onFault(pop, bad);
}
