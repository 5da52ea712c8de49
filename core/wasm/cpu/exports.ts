// What this room gives the host and the generated interpreter.
export {
  decode_alone as cpu_decode,
  last_in_memory as cpu_decoded_in_memory,
  last_row as cpu_decoded_row,
} from "./decode";
export {
  eflags as cpu_eflags,
  flags_arithmetic as cpu_flags_arithmetic,
  flags_from as cpu_flags_from,
  flags_set_arithmetic as cpu_set_flags_arithmetic,
  set_eflags as cpu_set_eflags,
} from "./flags";
export { cpu_fpu, cpu_fpu_block, cpu_fpu_read } from "./fpu";
export {
  cpu_decimal,
  cpu_divide64,
  cpu_enter,
  cpu_load_far,
  cpu_pop_sreg,
  cpu_popa,
  cpu_popf,
  cpu_pusha,
} from "./long";
export { cpu_code_known, cpu_fault, cpu_hypercall, cpu_int, cpu_iret, cpu_settled } from "./onward";
export {
  cpu_enter_slow,
  cpu_jump_ok,
  cpu_link,
  cpu_no_fault,
  cpu_raise,
  cpu_resume,
  cpu_stale,
} from "./run";
export { cpu_sse_arithmetic, cpu_sse_compare, cpu_sse_horizontal } from "./sse_arithmetic";
export { cpu_sse_convert } from "./sse_convert";
export { cpu_sse_estimate } from "./sse_estimate";
export { cpu_vector_address } from "./vector";
export { cpu_mask_move, cpu_mmx_enter, cpu_mmx_leave, cpu_mmx_ready } from "./mmx";
export { machine_step_mode, update_mode as cpu_update_mode } from "./state";
export { cpu_cmps, cpu_lods, cpu_movs, cpu_scas, cpu_stos } from "./strings";
export {
  cpu_x87_begin,
  cpu_x87_finish,
  cpu_x87_load,
  cpu_x87_prepare,
  cpu_x87_register,
  cpu_x87_store_wide,
  cpu_x87_value,
} from "./x87/dispatch";
export { code_generation, code_made, drop_all_code as code_drop } from "./code";
