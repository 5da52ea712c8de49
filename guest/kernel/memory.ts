// Memory: pseudo-physical and machine frames, a page allocator, page tables.
//
// Frame numbers in page tables are machine frames (mfn). The guest's own list, the P2M, gives the
// mfn of each of its pages; the hypervisor's M2P gives the way back. Page tables are read-only, and
// every change of an entry is asked of the hypervisor.

import { DOMID_SELF, EFAULT, MACH2PHYS, PTE, UVMF, VIRT_BASE } from "../abi/numbers.ts";
import { MmuUpdate } from "../abi/structs.ts";
import {
  asm,
  bind,
  byte,
  code,
  dword,
  eax,
  ecx,
  edi,
  esp,
  fn,
  for_,
  global,
  if_,
  Label,
  local,
  localOf,
  ret,
  u32,
  u64,
} from "../asm/mod.ts";
import { onFault } from "./fixups.ts";
import { mmu_update, update_va_mapping } from "./hypercalls.ts";
import { panic } from "./panic.ts";
import { sharedInfoPage, startInfo } from "./state.ts";

const PAGE = 4096;
/** The next page nobody uses, and the end of what the initial page tables map. */
export const freePage = global("free_page", u32);
export const mappedEnd = global("mapped_end", u32);

/** The entry of the guest's own list for a kernel address. */
export const mfn_of = fn("mfn_of", (va) => {
  ret(u32.at(va.minus(VIRT_BASE).shr(12).times(4).plus(startInfo.mfn_list)));
});

/** The kernel address of a machine frame of ours. */
export const va_of = fn("va_of", (mfn) => {
  ret(u32.at(mfn.times(4).plus(MACH2PHYS)).shl(12).plus(VIRT_BASE));
});

/** (pte, mfn, flags): makes the 64-bit entry for a machine frame. */
const make_pte = fn("make_pte", (pte, mfn, flags) => {
  u64.at(pte).set(mfn.shl(12).or(flags), mfn.shr(20));
});

/** (va, mfn, flags): maps a machine frame where a level 1 table exists; 0 or a negative errno. */
export const map_frame = fn("map_frame", (va, mfn, flags) => {
  const pte = localOf(u64);
  make_pte(pte.address, mfn, flags);
  ret(update_va_mapping(va, pte.low, pte.high, UVMF.invlpg));
});

/** (va, flags): maps one of our own pages anew, with other rights. */
export const set_rights = fn("set_rights", (va, flags) => {
  ret(map_frame(va, mfn_of(va), flags));
});

/**
 * Takes over what the builder left: above the boot stack, at which ESP pointed at entry, the
 * mapping goes on for at least 512 KiB and ends on a 4 MiB boundary.
 */
export const memory_init = fn("memory_init", (stack_end) => {
  freePage.set(stack_end);
  mappedEnd.set(stack_end.plus(0x80000 + 0x3fffff).and(-0x400000));
  // A domain with less memory than that ends earlier. Counted in pages: its end may be 4 GiB.
  if_(mappedEnd.minus(VIRT_BASE).shr(12).gt(startInfo.nr_pages), () => {
    mappedEnd.set(startInfo.nr_pages.shl(12).plus(VIRT_BASE));
  });
  if_(
    map_frame(sharedInfoPage, startInfo.shared_info.shr(12), PTE.kernel).isNegative(),
    () => void panic("shared_info cannot be mapped"),
  );
});

/** (page): fills a page with zeroes. */
export const clear_page = code("clear_page", () => {
  asm.push(edi);
  asm.mov(edi, dword(esp, 8));
  asm.xor(eax, eax);
  asm.mov(ecx, PAGE / 4);
  asm.cld();
  asm.stosd("rep");
  asm.pop(edi);
  asm.ret();
});

/** A page of zeroes. */
export const alloc_page = fn("alloc_page", () => {
  if_(freePage.ge(mappedEnd), () => void panic("out of memory"));
  const page = local(freePage);
  freePage.add(PAGE);
  clear_page(page);
  ret(page);
});

/** (table, index, page or table below, flags): sets an entry of a page table. */
const set_entry = fn("set_entry", (table, index, below, flags) => {
  const request = localOf(MmuUpdate);
  const entry = local(index.times(8).plus(table));
  make_pte(request.ptr.address, mfn_of(entry), entry.and(PAGE - 1));
  make_pte(request.val.address, mfn_of(below), flags);
  ret(mmu_update(request.address, 1, 0, DOMID_SELF));
});

/** (table, index, flags): hangs an empty table into an entry; returns the new table. */
const new_table = fn("new_table", (table, index, flags) => {
  const below = local(alloc_page());
  // No page can become a table while something can write to it.
  if_(
    set_rights(below, PTE.readonly).isNegative(),
    () => void panic("a page will not be read-only"),
  );
  if_(
    set_entry(table, index, below, flags).isNegative(),
    () => void panic("a table is not accepted"),
  );
  ret(below);
});

/** The table that an entry of a table names; 0 if the entry is not present. */
export const table_below = fn("table_below", (table, index) => {
  const entry = u64.at(index.times(8).plus(table));
  if_(entry.low.and(PTE.present).eq(0), () => ret(0));
  ret(va_of(entry.low.shr(12).or(entry.high.shl(20))));
});

/** (va): sees to it that page tables down to level 1 exist for an address. */
export const make_tables = fn("make_tables", (va) => {
  const l3 = local(startInfo.pt_base);
  const l2 = local(table_below(l3, va.shr(30)));
  if_(l2.eq(0), () => l2.set(new_table(l3, va.shr(30), PTE.present)));
  const slot = local(va.shr(21).and(511));
  if_(table_below(l2, slot).eq(0), () => void new_table(l2, slot, PTE.table));
});

/** What `peek` or `peek_byte` read. */
export const peeked = global("peeked", u32);

const peeker = (name: string, size: 1 | 4) =>
  code(name, () => {
    const read = new Label("read"), bad = new Label("bad");
    asm.mov(ecx, dword(esp, 4));
    bind(read);
    if (size === 1) asm.movzx(ecx, byte(ecx));
    else asm.mov(ecx, dword(ecx));
    asm.mov(peeked, ecx);
    asm.xor(eax, eax);
    asm.ret();
    bind(bad);
    asm.mov(eax, -EFAULT);
    asm.ret();
    onFault(read, bad);
  });
/** (address): reads a word that may not be there; 0, or -14 if reading it faults. */
export const peek = peeker("peek", 4);
/** (address): the same for a byte. */
export const peek_byte = peeker("peek_byte", 1);

/** (address): writes back a word that may be read-only; 0, or -14 if that faults. */
export const poke = code("poke", () => {
  const write = new Label("write"), bad = new Label("bad");
  asm.mov(ecx, dword(esp, 4));
  asm.mov(eax, dword(ecx));
  bind(write);
  asm.mov(dword(ecx), eax);
  asm.xor(eax, eax);
  asm.ret();
  bind(bad);
  asm.mov(eax, -EFAULT);
  asm.ret();
  onFault(write, bad);
});

/** True when the P2M and the M2P agree about the pages with these numbers. */
export const p2m_agrees = fn("p2m_agrees", (step) => {
  const pfn = local(0);
  for_(0, startInfo.nr_pages, (i) => {
    pfn.set(i.times(step));
    if_(pfn.ge(startInfo.nr_pages), () => ret(1));
    const mfn = local(u32.at(pfn.times(4).plus(startInfo.mfn_list)));
    if_(u32.at(mfn.times(4).plus(MACH2PHYS)).ne(pfn), () => ret(0));
  });
  ret(1);
});
