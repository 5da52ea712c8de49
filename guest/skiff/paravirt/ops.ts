// paravirt_ops: everything in which a machine of one's own and a Xen domain differ, as four
// structures of functions. The rest of the kernel calls through these and through nothing else; the
// structures hold the native functions until `use_xen` (enter.ts) has been.

import * as cpu from "./native_cpu.ts";
import {
  native_arch_setup,
  native_banner,
  native_boot_vcpu,
  native_memory_setup,
  native_pagetable_done,
  native_pagetable_start,
  native_processors,
  native_reserve_top,
} from "./native_init.ts";
import * as irq from "./native_irq.ts";
import * as mmu from "./native_mmu.ts";
import { operations } from "./operations.ts";

/** Start of day. */
export const pvInit = operations("pv_init_ops", {
  /** (): says what the kernel runs on. */
  banner: native_banner,
  /** (): pages of memory, numbered from 0. */
  memory_setup: native_memory_setup,
  /** (): the first address above the kernel's, which somebody else needs. */
  reserve_top: native_reserve_top,
  /** (): what the machine wants before anything is set up. */
  arch_setup: native_arch_setup,
  /** (): before the first mapping is made. */
  pagetable_start: native_pagetable_start,
  /** (): the kernel's own tables are complete. */
  pagetable_done: native_pagetable_done,
  /** (): how many processors there are. */
  processors: native_processors,
  /** (cpu, task, entry): starts another processor; 0 or a negative errno. */
  boot_vcpu: native_boot_vcpu,
});

/** The processor's privileged state. */
export const pvCpu = operations("pv_cpu_ops", {
  /** (leaf, subleaf, where): EAX, EBX, ECX, EDX. */
  cpuid: cpu.native_cpuid,
  /** (): CR0. */
  read_cr0: cpu.native_read_cr0,
  /** (): FPU instructions work. */
  clts: cpu.native_clts,
  /** (): the next FPU instruction raises #NM. */
  stts: cpu.native_stts,
  /** (table, entries) */
  load_gdt: cpu.native_load_gdt,
  /** (table of 256 gates) */
  load_idt: cpu.native_load_idt,
  /** (address, entries), 0 entries for none */
  set_ldt: cpu.native_set_ldt,
  /** (page): its page is about to hold an LDT. */
  alloc_ldt: cpu.native_page_as_it_is,
  /** (page): it holds one no more. */
  free_ldt: cpu.native_page_as_it_is,
  /** (entry, low, high): an entry of the GDT. */
  write_gdt_entry: cpu.native_write_descriptor,
  /** (entry, low, high): an entry of the LDT. */
  write_ldt_entry: cpu.native_write_descriptor,
  /** (gate, low, high): a gate of the IDT. */
  write_idt_entry: cpu.native_write_descriptor,
  /** (low, high): the thread-local segment. */
  load_tls: cpu.native_load_tls,
  /** (stack): where traps out of ring 3 build their frames. */
  load_sp0: cpu.native_load_sp0,
  /** Jumped to with the processor's frame on the stack, everything else restored. */
  iret: cpu.native_iret,
  /** (): what follows up to leave_lazy may happen together there. */
  enter_lazy: cpu.native_nothing,
  leave_lazy: cpu.native_nothing,
});

/** Address spaces. */
export const pvMmu = operations("pv_mmu_ops", {
  /** (): the address of the last page fault. */
  read_cr2: mmu.native_read_cr2,
  /** (): the address of the top-level table in use. */
  read_cr3: mmu.native_read_cr3,
  /** (top-level table) */
  write_cr3: mmu.native_write_cr3,
  /** (mm): a new address space is about to be used for the first time. */
  activate_mm: mmu.native_mm_as_it_is,
  /** (mm): the same for the copy that fork made. */
  dup_mm: mmu.native_mm_as_it_is,
  /** (mm): it will not be used again, and is not in use. */
  exit_mm: mmu.native_mm_as_it_is,
  /** (mm, page): the page is about to become a table of this address space. */
  alloc_table: mmu.native_table_as_it_is,
  /** (page): it is a table no more. */
  release_table: mmu.native_release_table,
  /** (where, page number, flags): makes an entry for one of our pages. */
  make_pte: mmu.native_make_pte,
  /** (entry): the number of the page it maps. */
  pte_pfn: mmu.native_pte_pfn,
  /** (entry, low, high): level 1. */
  set_pte: mmu.native_set_entry,
  /** (address, entry, low, high): level 1, where the address space is the current one. */
  set_pte_at: mmu.native_set_pte_at,
  /** (entry, low, high): level 2. */
  set_pmd: mmu.native_set_entry,
  flush_tlb_user: mmu.native_flush_tlb,
  /** (): entries of the kernel's too, on every processor. */
  flush_tlb_kernel: mmu.native_flush_tlb,
  /** (address) */
  flush_tlb_single: mmu.native_flush_tlb_single,
  /** (processors, address), 0 for all addresses */
  flush_tlb_others: mmu.native_flush_tlb_others,
  enter_lazy: mmu.native_nothing,
  leave_lazy: mmu.native_nothing,
});

/** Interrupts. */
export const pvIrq = operations("pv_irq_ops", {
  /** (): EFLAGS.IF as it is or ought to be. */
  save_fl: irq.native_save_fl,
  /** (flags) */
  restore_fl: irq.native_restore_fl,
  irq_disable: irq.native_irq_disable,
  irq_enable: irq.native_irq_enable,
  /** (): interrupts on, and sleep until one comes, in one step. */
  safe_halt: irq.native_safe_halt,
  /** (): sleep, for ever if interrupts are off. */
  halt: irq.native_halt,
  /** (): something that another processor has to do is waited for. */
  relax: irq.native_relax,
});

/** EFLAGS.IF. */
export const IF = 0x200;
