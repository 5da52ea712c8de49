// What this room gives the host and the generated interpreter.
export {
  fetch_limit_ok as cpu_fetch_limit_ok,
  segment_address as cpu_segment_address,
} from "./address";
export {
  insn_far_call,
  insn_far_jmp,
  insn_far_ret,
  insn_lar,
  insn_lsl,
  cpu_segment_known,
  insn_mov_sreg,
  insn_sgdt,
  insn_sldt,
  insn_smsw,
  insn_str,
  insn_verr,
  insn_verw,
} from "./slow";
