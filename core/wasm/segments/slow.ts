// Slow instructions about segments. The interpreter has evaluated the operands already.
export function insn_mov_sreg(seg: u32, selector: u32): void {} // MOV Sreg and POP Sreg (the handler moves ESP when no fault is pending afterwards)
export function insn_far_jmp(selector: u32, offset: u32): void {}
export function insn_far_call(selector: u32, offset: u32, opsize: u32): void {} // opsize 2 or 4
export function insn_far_ret(opsize: u32, release: u32): void {}
export function insn_lar(selector: u32): i64 { return -1; } // the value, or -1: ZF clear
export function insn_lsl(selector: u32): i64 { return -1; }
export function insn_verr(selector: u32): bool { return false; }
export function insn_verw(selector: u32): bool { return false; }
export function insn_sldt(): u32 { return 0; }
export function insn_str(): u32 { return 0; }
export function insn_smsw(): u32 { return 0; }
/** Six bytes of SGDT (which = 0) or SIDT (1) into `to`. */
export function insn_sgdt(which: u32, to: usize): void {}
