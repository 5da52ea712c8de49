// Address spaces on a machine of one's own: tables are memory, frame numbers are what they seem.

import { VIRT_BASE } from "../../abi/numbers.ts";
import {
  address,
  asm,
  code,
  cr2,
  cr3,
  dword,
  eax,
  ecx,
  esp,
  fn,
  ret,
  u32,
  u64,
} from "../../asm/mod.ts";
import { noExecute } from "../memory/no_execute.ts";

export const native_read_cr2 = code("native_read_cr2", () => {
  asm.mov(eax, cr2);
  asm.ret();
});
export const native_read_cr3 = code("native_read_cr3", () => {
  asm.mov(eax, cr3);
  asm.add(eax, VIRT_BASE);
  asm.ret();
});
export const native_write_cr3 = code("native_write_cr3", () => {
  asm.mov(eax, dword(esp, 4));
  asm.sub(eax, VIRT_BASE);
  asm.mov(cr3, eax);
  asm.ret();
});

/** The upper half first: an entry counts from when its lower half is there. */
export const native_set_entry = fn("native_set_entry", (entry, low, high) => {
  u32.at(entry.plus(4)).set(high);
  u32.at(entry).set(low);
  ret(0);
});
export const native_set_pte_at = fn("native_set_pte_at", (_address, entry, low, high) => {
  ret(native_set_entry(entry, low, high));
});
export const native_make_pte = fn("native_make_pte", (where, pfn, flags) => {
  u64.at(where).set(
    pfn.shl(12).or(flags.and(0xfff)),
    pfn.shr(20).or(flags.and(noExecute)),
  );
});
export const native_pte_pfn = fn("native_pte_pfn", (entry) => {
  ret(u32.at(entry).shr(12).or(u32.at(entry.plus(4)).and(0xfff).shl(20)));
});

export const native_flush_tlb = code("native_flush_tlb", () => {
  asm.mov(eax, cr3);
  asm.mov(cr3, eax);
  asm.ret();
});
export const native_flush_tlb_single = code("native_flush_tlb_single", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.invlpg(address(ecx));
  asm.ret();
});
/** A machine of one processor has no others. */
export const native_flush_tlb_others = fn("native_flush_tlb_others", (_cpus, _address) => {});

export const native_mm_as_it_is = fn("native_mm_as_it_is", (_mm) => {});
export const native_table_as_it_is = fn("native_table_as_it_is", (_mm, _page) => {});
export const native_release_table = fn("native_release_table", (_page) => {});
export const native_nothing = fn("native_mmu_nothing", () => {});
