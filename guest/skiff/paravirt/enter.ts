// The Xen entry point's first act: the four structures get Xen's functions.

import { fn } from "../../asm/mod.ts";
import { xen_iret } from "../process/entries.ts";
import { pvCpu, pvInit, pvIrq, pvMmu } from "./ops.ts";
import * as cpu from "./xen_cpu.ts";
import * as init from "./xen_init.ts";
import * as irq from "./xen_irq.ts";
import * as mmu from "./xen_mmu.ts";
import { xen_boot_vcpu, xen_processors } from "./xen_smp.ts";
import { pin_mm, unpin_mm, xen_alloc_table, xen_release_table } from "./xen_tables.ts";
import { xen_load_idt, xen_write_idt_entry } from "./xen_traps.ts";

/** Assigns every operation of every structure. */
export const use_xen = fn("use_xen", () => {
  pvInit.assign({
    banner: init.xen_banner,
    memory_setup: init.xen_memory_setup,
    reserve_top: init.xen_reserve_top,
    arch_setup: init.xen_arch_setup,
    pagetable_start: init.xen_pagetable_start,
    pagetable_done: init.xen_pagetable_done,
    processors: xen_processors,
    boot_vcpu: xen_boot_vcpu,
  });
  pvCpu.assign({
    cpuid: cpu.xen_cpuid,
    read_cr0: cpu.xen_read_cr0,
    clts: cpu.xen_clts,
    stts: cpu.xen_stts,
    load_gdt: cpu.xen_load_gdt,
    load_idt: xen_load_idt,
    set_ldt: cpu.xen_set_ldt,
    alloc_ldt: cpu.xen_alloc_ldt,
    free_ldt: cpu.xen_free_ldt,
    write_gdt_entry: cpu.xen_write_descriptor,
    write_ldt_entry: cpu.xen_write_descriptor,
    write_idt_entry: xen_write_idt_entry,
    load_tls: cpu.xen_load_tls,
    load_sp0: cpu.xen_load_sp0,
    iret: xen_iret,
    enter_lazy: cpu.xen_cpu_enter_lazy,
    leave_lazy: cpu.xen_cpu_leave_lazy,
  });
  pvMmu.assign({
    read_cr2: mmu.xen_read_cr2,
    read_cr3: mmu.xen_read_cr3,
    write_cr3: mmu.xen_write_cr3,
    activate_mm: pin_mm,
    dup_mm: pin_mm,
    exit_mm: unpin_mm,
    alloc_table: xen_alloc_table,
    release_table: xen_release_table,
    make_pte: mmu.xen_make_pte,
    pte_pfn: mmu.xen_pte_pfn,
    set_pte: mmu.xen_set_entry,
    set_pte_at: mmu.xen_set_pte_at,
    set_pmd: mmu.xen_set_entry,
    flush_tlb_user: mmu.xen_flush_tlb_user,
    flush_tlb_kernel: mmu.xen_flush_tlb_kernel,
    flush_tlb_single: mmu.xen_flush_tlb_single,
    flush_tlb_others: mmu.xen_flush_tlb_others,
    enter_lazy: mmu.xen_mmu_enter_lazy,
    leave_lazy: mmu.xen_mmu_leave_lazy,
  });
  pvIrq.assign({
    save_fl: irq.xen_save_fl,
    restore_fl: irq.xen_restore_fl,
    irq_disable: irq.xen_irq_disable,
    irq_enable: irq.xen_irq_enable,
    safe_halt: irq.xen_safe_halt,
    halt: irq.xen_halt,
    relax: irq.xen_relax,
  });
});
