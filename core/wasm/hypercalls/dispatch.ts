// The hypercall table: number and arguments to handler (public/xen.h; arch/x86/pv/hypercall.c).
//
// Arguments are five 32-bit registers. A 64-bit one takes two of them, low word first
// (shared/pv-abi.md §3.2). Everything without a row here is -ENOSYS.
import { BX, CX, DX, insn_eip, set_eip, set_gpr } from "../cpu/state";
import { current_domain } from "../domains/domain";
import { ENOSYS } from "../errno";
import { charge } from "../events/clock";
import { hypervisor_entered } from "../events/deliver";
import { do_set_gdt, do_update_descriptor } from "../segments/gdt";
import { trace_hypercall, trace_hypercall_done } from "../trace";
import {
  do_callback_op,
  do_fpu_taskswitch,
  do_get_debugreg,
  do_iret,
  do_nmi_op,
  do_set_callbacks,
  do_set_debugreg,
  do_set_trap_table,
  do_stack_switch,
} from "../traps/hypercalls";
import { do_console_io } from "./console_io";
import { again1, again2, again3, take_again } from "./continuation";
import { do_event_channel_op, do_event_channel_op_compat } from "./event_channel_op";
import { do_grant_table_op } from "./grant_table_op";
import { do_hvm_op } from "./hvm_op";
import { do_memory_op } from "./memory_op";
import { do_mmu_update } from "./mmu_update";
import { do_mmuext_op } from "./mmuext_op";
import { do_multicall } from "./multicall";
import { do_physdev_op, do_physdev_op_compat } from "./physdev_op";
import {
  do_argo_op,
  do_dm_op,
  do_domctl,
  do_hypfs_op,
  do_kexec_op,
  do_mca,
  do_paging_domctl_cont,
  do_platform_op,
  do_sysctl,
  do_xenpmu_op,
} from "./privileged";
import { do_sched_op, do_sched_op_compat } from "./sched_op";
import { do_set_timer_op } from "./set_timer_op";
import { do_update_va_mapping } from "./update_va_mapping";
import { do_update_va_mapping_otherdomain } from "./update_va_mapping_otherdomain";
import { do_vcpu_op } from "./vcpu_op";
import { do_vm_assist } from "./vm_assist";
import { do_xen_version } from "./xen_version";

/** ns that entering and leaving the hypervisor is taken to last, beside the instruction itself. */
const COST: u32 = 100;

// @ts-ignore: decorator
@inline function wide(low: u32, high: u32): u64 {
  return <u64> low | (<u64> high << 32);
}

/** Calls the handler of one hypercall, without the bookkeeping of `hypercall`. */
export function dispatch(nr: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32): i32 {
  switch (nr) {
    case 0:
      return do_set_trap_table(a1);
    case 1:
      return do_mmu_update(a1, a2, a3, a4);
    case 2:
      return do_set_gdt(a1, a2);
    case 3:
      return do_stack_switch(a1, a2);
    case 4:
      return do_set_callbacks(a1, a2, a3, a4);
    case 5:
      return do_fpu_taskswitch(a1);
    case 6:
      return do_sched_op_compat(a1, a2);
    case 7:
      return do_platform_op(a1);
    case 8:
      return do_set_debugreg(a1, a2);
    case 9:
      return do_get_debugreg(a1);
    case 10:
      return do_update_descriptor(wide(a1, a2), a3, a4);
    case 12:
      return do_memory_op(a1, a2);
    case 13:
      return do_multicall(a1, a2);
    case 14:
      return do_update_va_mapping(a1, wide(a2, a3), a4);
    case 15:
      return do_set_timer_op(wide(a1, a2));
    case 16:
      return do_event_channel_op_compat(a1);
    case 17:
      return do_xen_version(a1, a2);
    case 18:
      return do_console_io(a1, a2, a3);
    case 19:
      return do_physdev_op_compat(a1);
    case 20:
      return do_grant_table_op(a1, a2, a3);
    case 21:
      return do_vm_assist(a1, a2);
    case 22:
      return do_update_va_mapping_otherdomain(a1, wide(a2, a3), a4, a5);
    case 23:
      return do_iret();
    case 24:
      return do_vcpu_op(a1, a2, a3);
    case 26:
      return do_mmuext_op(a1, a2, a3, a4);
    case 28:
      return do_nmi_op(a1, a2);
    case 29:
      return do_sched_op(a1, a2);
    case 30:
      return do_callback_op(a1, a2);
    case 32:
      return do_event_channel_op(a1, a2);
    case 33:
      return do_physdev_op(a1, a2);
    case 34:
      return do_hvm_op(a1, a2);
    case 35:
      return do_sysctl(a1);
    case 36:
      return do_domctl(a1);
    case 37:
      return do_kexec_op();
    case 39:
      return do_argo_op();
    case 40:
      return do_xenpmu_op();
    case 41:
      return do_dm_op(a1, a2, a3);
    case 42:
      return do_hypfs_op();
    case 48:
      return do_mca();
    case 49:
      return do_paging_domctl_cont();
    default:
      return -ENOSYS;
  }
}

/**
 * Carries out one hypercall of the running vCPU, which is in ring 1 at INT 0x82.
 *
 * @param nr EAX; the arguments are EBX, ECX, EDX, ESI, EDI
 * @returns the value for EAX: a result or a negative errno; for a call cut short its own number,
 *   with EIP back at the instruction and the argument registers changed to what is left to do
 */
// @ts-ignore: decorator
@inline export function hypercall(nr: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32): i32 {
  hypervisor_entered();
  charge(COST);
  const at = trace_hypercall(current_domain.id, nr, a1, a2, a3, a4, a5);
  let result = dispatch(nr, a1, a2, a3, a4, a5);
  if (take_again()) {
    set_gpr(BX, again1);
    set_gpr(CX, again2);
    set_gpr(DX, again3);
    set_eip(insn_eip());
    result = nr;
  }
  trace_hypercall_done(at, nr, result);
  return result;
}
