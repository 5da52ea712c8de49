// The processor's privileged state in a Xen domain: descriptor tables and the kernel stack are the
// hypervisor's to change, CR0.TS and CPUID its to emulate.

import { DOMID_SELF, HYPERCALL, MMUEXT } from "../../abi/numbers.ts";
import { MmuextOp } from "../../abi/structs.ts";
import {
  array,
  asm,
  code,
  cr0,
  eax,
  fn,
  for_,
  if_,
  local,
  localOf,
  raw,
  ret,
  u32,
} from "../../asm/mod.ts";
import { fpu_taskswitch, mmuext_op, set_gdt } from "../../kernel/hypercalls.ts";
import { mfn_of } from "../../kernel/memory.ts";
import { KERNEL_DS } from "../../kernel/selectors.ts";
import { TLS_ENTRY } from "../cpu/gdt.ts";
import { thisCpu } from "../process/task.ts";
import { batch, enter_lazy, LAZY, leave_lazy } from "./multicalls.ts";
import { cpuidWith } from "./native_cpu.ts";
import { protect_page, unprotect_page } from "./xen_tables.ts";

/** UD2 and "xen": the hypervisor answers the CPUID behind it, and not the processor. */
const forced_cpuid = cpuidWith("xen_forced_cpuid", () => {
  raw(0x0f, 0x0b, ...new TextEncoder().encode("xen"));
});

const bits = (...numbers: number[]) => numbers.reduce((all, n) => (all | 1 << n), 0);
/** Leaf 1: APIC, MTRR, ACPI, the thermal monitor; MONITOR, x2APIC, XSAVE and OSXSAVE. */
const HIDDEN_EDX = bits(9, 12, 22, 29), HIDDEN_ECX = bits(3, 21, 26, 27);
const MONITOR_LEAF = 5, TOPOLOGY_LEAF = 0xb;

/** (leaf, subleaf, where): as the hypervisor says, without what it lets through but does not offer. */
export const xen_cpuid = fn("xen_cpuid", (leaf, subleaf, where) => {
  forced_cpuid(leaf, subleaf, where);
  const words = [0, 4, 8, 12].map((n) => u32.at(where.plus(n)));
  if_(leaf.eq(1), () => {
    words[2].set(words[2].and(~HIDDEN_ECX));
    words[3].set(words[3].and(~HIDDEN_EDX));
  });
  if_(leaf.eq(MONITOR_LEAF), () => words.forEach((w) => w.set(0)));
  if_(leaf.eq(TOPOLOGY_LEAF), () => words[1].set(0));
});

/** MOV from CR0 faults in ring 1, and the hypervisor emulates it. */
export const xen_read_cr0 = code("xen_read_cr0", () => {
  asm.mov(eax, cr0);
  asm.ret();
});
export const xen_clts = fn("xen_clts", () => void fpu_taskswitch(0));
/** Part of a context switch, so it may wait for the rest. */
export const xen_stts = fn("xen_stts", () => {
  batch(LAZY.cpu, HYPERCALL.fpu_taskswitch, 0, (args) => args.at(0).set(1));
});

const MAX_FRAMES = 16;
/** (table, entries): its pages are made read-only and given up to the hypervisor. */
export const xen_load_gdt = fn("xen_load_gdt", (address, entries) => {
  const frames = localOf(array(u32, MAX_FRAMES));
  for_(0, entries.plus(511).over(512), (i) => {
    const page = local(i.shl(12).plus(address));
    protect_page(page);
    frames.at(i).set(mfn_of(page));
  });
  ret(set_gdt(frames.address, entries));
});

/** (entry, low, high): any descriptor of a table in use, or that will be. */
export const xen_write_descriptor = fn("xen_write_descriptor", (entry, low, high) => {
  const mfn = local(mfn_of(entry));
  batch(LAZY.cpu, HYPERCALL.update_descriptor, 0, (args) => {
    args.at(0).set(mfn.shl(12).or(entry.and(0xfff)));
    args.at(1).set(mfn.shr(20));
    args.at(2).set(low);
    args.at(3).set(high);
  });
  ret(0);
});

export const xen_load_tls = fn("xen_load_tls", (low, high) => {
  xen_write_descriptor(thisCpu.gdt.plus(TLS_ENTRY * 8), low, high);
});

/** A page of descriptors must not be writable by anyone. */
export const xen_alloc_ldt = fn("xen_alloc_ldt", (page) => void protect_page(page));
export const xen_free_ldt = fn("xen_free_ldt", (page) => void unprotect_page(page));

/** The table's address is a linear one; its page is looked at when a selector first needs it. */
export const xen_set_ldt = fn("xen_set_ldt", (address, entries) => {
  const op = localOf(MmuextOp);
  op.cmd.set(MMUEXT.set_ldt);
  op.arg1.set(address);
  op.arg2.set(entries);
  ret(mmuext_op(op.address, 1, 0, DOMID_SELF));
});

/** The kernel stack, for traps out of ring 3. */
export const xen_load_sp0 = fn("xen_load_sp0", (stack) => {
  batch(LAZY.cpu, HYPERCALL.stack_switch, 0, (args) => {
    args.at(0).set(KERNEL_DS);
    args.at(1).set(stack);
  });
});

export const xen_cpu_enter_lazy = fn("xen_cpu_enter_lazy", () => void enter_lazy(LAZY.cpu));
export const xen_cpu_leave_lazy = fn("xen_cpu_leave_lazy", () => void leave_lazy(LAZY.cpu));
