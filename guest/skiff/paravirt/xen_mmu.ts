// Address spaces in a Xen domain: entries hold machine frames, tables in use are changed by asking.

import { DOMID_SELF, HYPERCALL, MMUEXT, PTE, UVMF } from "../../abi/numbers.ts";
import { MmuUpdate } from "../../abi/structs.ts";
import { asm, code, cr3, eax, fn, if_, local, ret, u32, u64 } from "../../asm/mod.ts";
import { mfn_of, va_of } from "../../kernel/memory.ts";
import { startInfo } from "../../kernel/state.ts";
import { vcpuInfoOf } from "../cpu/cpu.ts";
import { noExecute } from "../memory/no_execute.ts";
import { pfnOf } from "../memory/pages.ts";
import { thisCpu } from "../process/task.ts";
import { batch, enter_lazy, LAZY, leave_lazy } from "./multicalls.ts";
import { native_set_entry } from "./native_mmu.ts";
import { isTable, mmuext } from "./xen_tables.ts";

/** The hypervisor leaves it in vcpu_info before it enters the handler. */
export const xen_read_cr2 = fn("xen_read_cr2", () => ret(vcpuInfoOf(thisCpu).cr2));

const emulated_read_cr3 = code("xen_emulated_cr3", () => {
  asm.mov(eax, cr3);
  asm.ret();
});
/** CR3 as a 32-bit guest sees it: the frame number rotated, its upper 12 bits lowest. */
export const xen_read_cr3 = fn("xen_read_cr3", () => {
  const cr3 = local(emulated_read_cr3());
  ret(va_of(cr3.shr(12).or(cr3.shl(20))));
});
/** Part of a context switch, so it may wait for the rest. */
export const xen_write_cr3 = fn("xen_write_cr3", (top) => {
  mmuext(LAZY.cpu, MMUEXT.new_baseptr, mfn_of(top), 0);
});

export const xen_make_pte = fn("xen_make_pte", (where, pfn, flags) => {
  const mfn = local(u32.at(pfn.times(4).plus(startInfo.mfn_list)));
  u64.at(where).set(
    mfn.shl(12).or(flags.and(0xfff)),
    mfn.shr(20).or(flags.and(noExecute)),
  );
});
export const xen_pte_pfn = fn("xen_pte_pfn", (entry) => {
  const mfn = local(u32.at(entry).shr(12).or(u32.at(entry.plus(4)).and(0xfff).shl(20)));
  ret(pfnOf(va_of(mfn)));
});

/** (entry, low, high): an mmu_update of one entry, which names it by its machine address. */
const update_entry = fn("xen_update_entry", (entry, low, high) => {
  const mfn = local(mfn_of(entry));
  batch(LAZY.mmu, HYPERCALL.mmu_update, MmuUpdate.size / 4, (args, own) => {
    const request = MmuUpdate.at(own);
    request.ptr.set(mfn.shl(12).or(entry.and(0xff8)), mfn.shr(20));
    request.val.set(low, high);
    args.at(0).set(own);
    args.at(1).set(1);
    args.at(2).set(0);
    args.at(3).set(DOMID_SELF);
  });
  ret(0);
});

/** A table that is not in use yet, or no longer, is memory like any other. */
export const xen_set_entry = fn("xen_set_entry", (entry, low, high) => {
  if_(isTable(entry).ne(0), () => ret(update_entry(entry, low, high)));
  ret(native_set_entry(entry, low, high));
});

/**
 * Start of day: the tables are the hypervisor's from the start, and some pages are read-only because
 * they are tables. A mapping of those stays read-only whatever is asked; all else changes as told.
 */
export const xen_set_pte_init = fn("xen_set_pte_init", (entry, low, high) => {
  const now = local(u32.at(entry));
  if_(now.and(PTE.present | PTE.write).eq(PTE.present), () => low.set(low.and(~PTE.write)));
  ret(update_entry(entry, low, high));
});

/** In the address space that is loaded, an entry can be named by the address it maps. */
export const xen_set_pte_at = fn("xen_set_pte_at", (address, entry, low, high) => {
  if_(isTable(entry).eq(0), () => ret(native_set_entry(entry, low, high)));
  batch(LAZY.mmu, HYPERCALL.update_va_mapping, 0, (args) => {
    args.at(0).set(address);
    args.at(1).set(low);
    args.at(2).set(high);
    args.at(3).set(UVMF.invlpg);
  });
  ret(0);
});

export const xen_flush_tlb_user = fn("xen_flush_tlb_user", () => {
  mmuext(LAZY.mmu, MMUEXT.tlb_flush_local, 0, 0);
});
export const xen_flush_tlb_kernel = fn("xen_flush_tlb_kernel", () => {
  mmuext(LAZY.mmu, MMUEXT.tlb_flush_all, 0, 0);
});
export const xen_flush_tlb_single = fn("xen_flush_tlb_single", (address) => {
  mmuext(LAZY.mmu, MMUEXT.invlpg_local, address, 0);
});

/** The set of vCPUs has to lie in memory until the batch goes: a word more than the operation has. */
export const xen_flush_tlb_others = fn("xen_flush_tlb_others", (cpus, address) => {
  batch(LAZY.mmu, HYPERCALL.mmuext_op, 4, (args, own) => {
    const at = (n: number) => u32.at(own.plus(4 * n));
    at(0).set(MMUEXT.tlb_flush_multi);
    if_(address.ne(0), () => at(0).set(MMUEXT.invlpg_multi));
    at(1).set(address);
    at(2).set(own.plus(12));
    at(3).set(cpus);
    args.at(0).set(own);
    args.at(1).set(1);
    args.at(2).set(0);
    args.at(3).set(DOMID_SELF);
  });
});

export const xen_mmu_enter_lazy = fn("xen_mmu_enter_lazy", () => void enter_lazy(LAZY.mmu));
export const xen_mmu_leave_lazy = fn("xen_mmu_leave_lazy", () => void leave_lazy(LAZY.mmu));
