export function do_set_trap_table(table: u64): i32 { return -38; }
export function do_set_callbacks(ev_cs: u32, ev_eip: u32, fs_cs: u32, fs_eip: u32): i32 { return -38; }
export function do_callback_op(cmd: u32, arg: u64): i32 { return -38; }
export function do_stack_switch(ss: u32, esp: u64): i32 { return -38; }
export function do_fpu_taskswitch(set: u32): i32 { return -38; }
export function do_set_debugreg(reg: u32, value: u64): i32 { return -38; }
export function do_get_debugreg(reg: u32): i32 { return -38; }
export function do_nmi_op(cmd: u32, arg: u64): i32 { return -38; }
export function do_iret(): i32 { return -38; }
