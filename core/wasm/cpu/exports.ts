// What this room gives the host and the generated interpreter.
export { eflags as cpu_eflags, set_eflags as cpu_set_eflags, flags_arithmetic as cpu_flags_arithmetic, flags_set_arithmetic as cpu_set_flags_arithmetic } from "./flags";
export { update_mode as cpu_update_mode } from "./state";
