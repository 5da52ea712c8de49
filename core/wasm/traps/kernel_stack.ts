// The stack that entries from user mode start on. Source: xen/arch/x86/mm.c, pv-abi.md §3.3.
import { current } from "../domains/domain";
import { kernel_rpl } from "./table";

/** Hypercall stack_switch: never fails; a bad stack shows when it is used. */
export function do_stack_switch(ss: u32, esp: u64): i32 {
  current.kernel_ss = kernel_rpl(ss);
  current.kernel_sp = esp & 0xffffffff;
  return 0;
}
