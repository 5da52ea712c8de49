// What this room gives the host and the generated interpreter.
export {
  insn_cpuid,
  insn_int,
  insn_int1,
  insn_int3,
  insn_into,
  insn_io,
  insn_iret,
  insn_privileged,
  insn_rdtsc,
  insn_rdtscp,
  insn_ud,
} from "./slow";
export {
  fpu_initial_state as cpu_fpu_initial_state,
  fpu_reset as cpu_fpu_reset,
  fpu_usable as cpu_fpu_usable,
} from "./fpu";
