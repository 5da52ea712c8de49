/**
 * What a meaning may ask of the machine around it: the core's helpers, by the names under which the
 * core exports them, with their signatures.
 */
import type { IntType } from "./value.ts";

/** A function of the core that handlers and translated code call. */
export interface Helper {
  parameters: IntType[];
  result: IntType | null;
}

const i32 = "i32" as const;
const i64 = "i64" as const;
const slow: Helper = { parameters: [], result: null };

/** Every helper. The build checks that the core exports each with this signature. */
export const HELPERS = {
  // the way on
  cpu_resume: { parameters: [], result: i32 },
  cpu_link: { parameters: [i32], result: i32 },
  cpu_fault: { parameters: [i32], result: i32 },
  cpu_jump_ok: { parameters: [i32], result: i32 },
  cpu_enter_slow: { parameters: [i32], result: null },
  cpu_settled: { parameters: [i32, i32], result: i32 },
  cpu_hypercall: { parameters: [i32, i32], result: i32 },
  cpu_int: { parameters: [i32], result: i32 },
  cpu_iret: { parameters: [i32], result: i32 },
  cpu_code_known: { parameters: [i32, i32], result: i32 },
  // memory
  cpu_tlb_known: { parameters: [i32, i32], result: i32 },
  cpu_tlb_probe: { parameters: [i32, i32, i32], result: i32 },
  cpu_tlb_fill: { parameters: [i64, i32, i32], result: i32 },
  cpu_commit: { parameters: [], result: i32 },
  cpu_segment_address: { parameters: [i32, i32, i32, i32], result: i64 },
  cpu_raise: { parameters: [i32, i32], result: null },
  // flags
  cpu_eflags: { parameters: [], result: i32 },
  cpu_flags_from: { parameters: [i32, i32, i32], result: null },
  cpu_flags_arithmetic: { parameters: [], result: i32 },
  cpu_set_flags_arithmetic: { parameters: [i32], result: null },
  // long instructions; each returns 0 if it faulted
  cpu_movs: { parameters: [i32, i32], result: i32 },
  cpu_cmps: { parameters: [i32, i32], result: i32 },
  cpu_stos: { parameters: [i32, i32], result: i32 },
  cpu_lods: { parameters: [i32, i32], result: i32 },
  cpu_scas: { parameters: [i32, i32], result: i32 },
  cpu_pusha: { parameters: [i32], result: i32 },
  cpu_popa: { parameters: [i32], result: i32 },
  cpu_enter: { parameters: [i32, i32], result: i32 },
  cpu_popf: { parameters: [i32, i32], result: null },
  cpu_decimal: { parameters: [i32, i32], result: i32 },
  cpu_divide64: { parameters: [i64, i32], result: i32 },
  cpu_fpu: { parameters: [i32, i32, i32], result: i32 },
  cpu_fpu_read: { parameters: [i32], result: i32 },
  cpu_fpu_block: { parameters: [i32, i32, i32, i32], result: i32 },
  cpu_x87_begin: { parameters: [], result: i32 },
  cpu_x87_register: { parameters: [i32], result: i32 },
  cpu_x87_load: { parameters: [i32, i32, i64, i32], result: null },
  cpu_x87_prepare: { parameters: [i32, i32], result: i32 },
  cpu_x87_value: { parameters: [], result: i64 },
  cpu_x87_finish: { parameters: [i32, i32], result: null },
  cpu_x87_store_wide: { parameters: [i32, i32], result: i32 },
  // vectors
  cpu_mmx_ready: { parameters: [], result: i32 },
  cpu_mmx_enter: { parameters: [], result: null },
  cpu_mmx_leave: { parameters: [], result: null },
  cpu_vector_address: { parameters: [i32, i32, i32, i32], result: i32 },
  cpu_sse_arithmetic: { parameters: [i32, i32, i32, i32], result: i32 },
  cpu_sse_horizontal: { parameters: [i32, i32, i32, i32], result: i32 },
  cpu_sse_compare: { parameters: [i32, i32, i32, i32], result: i32 },
  cpu_sse_convert: { parameters: [i32, i32, i32, i32, i32, i32], result: i32 },
  cpu_sse_estimate: { parameters: [i32, i32, i32, i32], result: null },
  cpu_mask_move: { parameters: [i32, i32, i32, i32, i32], result: i32 },
  cpu_no_fault: { parameters: [], result: i32 },
  cpu_stale: { parameters: [i32], result: null },
  cpu_pop_sreg: { parameters: [i32, i32, i32], result: null },
  cpu_load_far: { parameters: [i32, i32, i32, i32, i32], result: null },
  // segments
  cpu_segment_known: { parameters: [i32, i32], result: i32 },
  insn_mov_sreg: { parameters: [i32, i32], result: null },
  insn_far_jmp: { parameters: [i32, i32], result: null },
  insn_far_call: { parameters: [i32, i32, i32], result: null },
  insn_far_ret: { parameters: [i32, i32], result: null },
  insn_lar: { parameters: [i32], result: i64 },
  insn_lsl: { parameters: [i32], result: i64 },
  insn_verr: { parameters: [i32], result: i32 },
  insn_verw: { parameters: [i32], result: i32 },
  insn_sldt: { parameters: [], result: i32 },
  insn_str: { parameters: [], result: i32 },
  insn_smsw: { parameters: [], result: i32 },
  insn_sgdt: { parameters: [i32, i32], result: null },
  // slow instructions
  insn_int: slow,
  insn_int3: slow,
  insn_into: slow,
  insn_int1: slow,
  insn_ud: slow,
  insn_iret: slow,
  insn_cpuid: slow,
  insn_rdtsc: slow,
  insn_rdtscp: slow,
  insn_privileged: slow,
  insn_io: slow,
} satisfies Record<string, Helper>;

/** What a core that knows 64-bit code has beside them: the same with 64-bit addresses. */
export const LONG_HELPERS = {
  cpu_long_segment_address: { parameters: [i32, i64, i32, i32], result: i64 },
  cpu_long_vector_address: { parameters: [i32, i32, i32, i32], result: i32 },
  cpu_long_movs: { parameters: [i32, i32], result: i32 },
  cpu_long_cmps: { parameters: [i32, i32], result: i32 },
  cpu_long_stos: { parameters: [i32, i32], result: i32 },
  cpu_long_lods: { parameters: [i32, i32], result: i32 },
  cpu_long_scas: { parameters: [i32, i32], result: i32 },
  cpu_long_enter: { parameters: [i32, i32], result: i32 },
  cpu_long_fpu_block: { parameters: [i32, i32, i32, i64], result: i32 },
  cpu_long_x87_store_wide: { parameters: [i32, i64], result: i32 },
  cpu_long_mask_move: { parameters: [i32, i64, i32, i32, i32], result: i32 },
} satisfies Record<string, Helper>;

/** Every helper of either kind. */
export const ALL_HELPERS = { ...HELPERS, ...LONG_HELPERS };

/** Name of a helper. */
export type HelperName = keyof typeof ALL_HELPERS;
