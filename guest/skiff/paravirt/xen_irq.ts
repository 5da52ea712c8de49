// The interrupt flag of a Xen domain: a byte that the hypervisor looks at before it calls us.
//
// Unmasking has a second half: what came while events were masked set the pending byte and was told to
// nobody. Any hypercall delivers it on its way back.

import { SCHEDOP, VCPUOP } from "../../abi/numbers.ts";
import { fn, if_, local, ret } from "../../asm/mod.ts";
import { sched_op, vcpu_op, xen_version } from "../../kernel/hypercalls.ts";
import { barrier } from "../../kernel/state.ts";
import { vcpuInfoOf } from "../cpu/cpu.ts";
import { thisCpu } from "../process/task.ts";

const vcpu = vcpuInfoOf(thisCpu);
const IF = 0x200;

/** A hypercall that does nothing, for the sake of the way back from it. */
const force_callback = fn("xen_force_callback", () => void xen_version(0, 0));

const unmask = fn("xen_unmask", () => {
  vcpu.evtchn_upcall_mask.set(0);
  barrier(); // the mask is seen to be clear before pending is looked at
  if_(vcpu.evtchn_upcall_pending.ne(0), () => void force_callback());
});

export const xen_save_fl = fn("xen_save_fl", () => {
  if_(vcpu.evtchn_upcall_mask.eq(0), () => ret(IF));
  ret(0);
});

export const xen_restore_fl = fn("xen_restore_fl", (flags) => {
  if_(flags.and(IF).ne(0), () => {
    unmask();
    ret();
  });
  vcpu.evtchn_upcall_mask.set(1);
});

export const xen_irq_disable = fn("xen_irq_disable", () => vcpu.evtchn_upcall_mask.set(1));
export const xen_irq_enable = fn("xen_irq_enable", () => void unmask());

/** SCHEDOP_block unmasks and sleeps in one step, so no event falls between the two. */
export const xen_safe_halt = fn("xen_safe_halt", () => void sched_op(SCHEDOP.block, 0));

/** With events masked nothing could wake us: the processor goes away. */
export const xen_halt = fn("xen_halt", () => {
  if_(vcpu.evtchn_upcall_mask.eq(0), () => {
    xen_safe_halt();
    ret();
  });
  const index = local(thisCpu.index);
  vcpu_op(VCPUOP.down, index, 0);
});

/** Whoever has what we wait for may not be running: it gets our turn. */
export const xen_relax = fn("xen_relax", () => void sched_op(SCHEDOP.yield, 0));
