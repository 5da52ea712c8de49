// The hypercalls of this room, by the names the dispatch table uses.
export { do_callback_op, do_nmi_op, do_set_callbacks } from "./callbacks";
export { do_get_debugreg, do_set_debugreg } from "./debug_registers";
export { do_fpu_taskswitch } from "./fpu";
export { do_iret } from "./iret_hypercall";
export { do_stack_switch } from "./kernel_stack";
export { do_set_trap_table } from "./table";
