// Another processor in a Xen domain: its whole first state is handed over in one structure.

import { VCPUOP } from "../../abi/numbers.ts";
import { TrapInfo, VcpuGuestContext } from "../../abi/structs.ts";
import { fn, global, if_, local, ret, while_ } from "../../asm/mod.ts";
import { vcpu_op } from "../../kernel/hypercalls.ts";
import { mfn_of } from "../../kernel/memory.ts";
import { KERNEL_CS, KERNEL_DS } from "../../kernel/selectors.ts";
import { clear_words, copy } from "../../kernel/strings.ts";
import { Cpu, vcpuInfoOf } from "../cpu/cpu.ts";
import { GDT_ENTRIES } from "../cpu/gdt.ts";
import { kernelMm } from "../memory/address_space.ts";
import { eventCallback, failsafeCallback } from "../process/entries.ts";
import { stackTop } from "../process/task.ts";
import { protect_page } from "./xen_tables.ts";
import { trapList } from "./xen_traps.ts";

const context = global("vcpu_context", VcpuGuestContext);

/** VGCF_in_kernel: it starts in ring 1. */
const IN_KERNEL = 4;
/** EFLAGS.IOPL 1 here is the virtual IOPL: ring 1 may do port I/O. */
const FLAGS = 0x1002;

/** A number that there is no vCPU for is an error; the first one that is. */
export const xen_processors = fn("xen_processors", () => {
  const n = local(1);
  while_(() => vcpu_op(VCPUOP.is_up, n, 0).isNegative().not(), () => n.inc());
  ret(n);
});

/** (cpu, task, entry): starts it at `entry` on the stack of `task`; 0 or a negative errno. */
export const xen_boot_vcpu = fn("xen_boot_vcpu", (cpu, task, entry) => {
  const c = Cpu.at(cpu);
  clear_words(context.address, VcpuGuestContext.size);
  context.flags.set(IN_KERNEL);
  const r = context.user_regs;
  r.cs.set(KERNEL_CS);
  r.eip.set(entry);
  r.eflags.set(FLAGS);
  for (const s of [r.ss, r.ds, r.es, r.fs, r.gs]) s.set(KERNEL_DS);
  const top = local(stackTop(task).minus(16));
  r.esp.set(top);
  context.kernel_ss.set(KERNEL_DS);
  context.kernel_sp.set(top);
  copy(context.trap_ctxt.address, trapList.address, TrapInfo.size * 256);
  protect_page(c.gdt);
  context.gdt_frames.at(0).set(mfn_of(c.gdt));
  context.gdt_ents.set(GDT_ENTRIES);
  const mfn = local(mfn_of(kernelMm.top));
  context.ctrlreg.at(3).set(mfn.shl(12).or(mfn.shr(20)));
  context.event_callback_cs.set(KERNEL_CS);
  context.event_callback_eip.set(eventCallback);
  context.failsafe_callback_cs.set(KERNEL_CS);
  context.failsafe_callback_eip.set(failsafeCallback);
  vcpuInfoOf(c).evtchn_upcall_mask.set(1);
  const made = local(vcpu_op(VCPUOP.initialise, c.index, context.address));
  if_(made.isNegative(), () => ret(made));
  ret(vcpu_op(VCPUOP.up, c.index, 0));
});
