// An address space: three levels of tables, and a list of what may be where in it.
//
// The top level has four entries. The last is the kernel's quarter; each address space has a level 2
// table of its own for it, since the hypervisor counts them, and all name the same level 1 tables. The
// first is the program's; the other two stay empty.

import { PTE } from "../../abi/numbers.ts";
import {
  array,
  asm,
  bind,
  break_,
  byte,
  code,
  dword,
  eax,
  edx,
  esp,
  fn,
  for_,
  forever,
  global,
  if_,
  Label,
  local,
  localOf,
  ret,
  struct,
  u32,
  u64,
} from "../../asm/mod.ts";
import type { Given, Place, Value } from "../../asm/mod.ts";
import { copy } from "../../kernel/strings.ts";
import { pvMmu } from "../paravirt/ops.ts";
import { addressOfPfn, freeCount, need_page, PAGE, pfnOf, put_page, RESERVE } from "./pages.ts";

export const MAX_AREAS = 8, MAX_MMS = 40;

/** What may be in a range of a program's addresses. */
export const Area = struct("area", {
  start: u32,
  end: u32,
  kind: u32,
  /** PTE flags of its pages: PTE.write if the program may write, NX if it may not execute. */
  rights: u32,
});
export const AREA = { none: 0, image: 1, heap: 2, stack: 3, mapping: 4 } as const;
export const AREA_NAMES = ["", "image", "heap", "stack", "mapping"];
/** Bit 31 of make_pte's flags: no instructions are fetched from the page. */
export const NX = 0x80000000 | 0;

export const Mm = struct("mm", {
  used: u32,
  /** Its tables, as addresses: level 3, and the two of level 2. */
  top: u32,
  kernel: u32,
  user: u32,
  areas: array(Area, MAX_AREAS),
});
const mms = global("mms", array(Mm, MAX_MMS));
/** The kernel's own: what a processor has loaded that runs no program. */
export const kernelMm = global("kernel_mm", Mm);

/** The address of entry `index` of a table. */
export const entryAt = (table: Value, index: Given): Value =>
  typeof index === "number" ? table.plus(index * 8) : (index as Value).times(8).plus(table);

/** (entry): the address of the page or table that an entry names, 0 if it is not present. */
export const page_of_entry = fn("page_of_entry", (entry) => {
  if_(u32.at(entry).and(PTE.present).eq(0), () => ret(0));
  ret(addressOfPfn(pvMmu.call.pte_pfn(entry)));
});

/** (entry, page, flags): hangs a table into one of level 2 or 3. */
export const set_table = fn("set_table", (entry, page, flags) => {
  const value = localOf(u64);
  pvMmu.call.make_pte(value.address, pfnOf(page), flags);
  pvMmu.call.set_pmd(entry, value.low, value.high);
});

/** A new address space with the kernel in it and nothing else; 0 if there is no room. */
export const mm_create = fn("mm_create", () => {
  if_(freeCount.le(RESERVE), () => ret(0));
  for_(0, MAX_MMS, (i) => {
    const mm = local(mms.at(i).address);
    if_(Mm.at(mm).used.eq(0), () => {
      const m = Mm.at(mm);
      m.used.set(1);
      m.top.set(need_page());
      m.kernel.set(need_page());
      m.user.set(need_page());
      copy(m.kernel, kernelMm.kernel, PAGE);
      set_table(entryAt(m.top, 0), m.user, PTE.present);
      set_table(entryAt(m.top, 3), m.kernel, PTE.present);
      for_(0, MAX_AREAS, (n) => m.areas.at(n).kind.set(AREA.none));
      ret(mm);
    });
  });
  ret(0);
});

/** (mm, address, make): the level 1 entry for an address; 0 if there is no table and none is to be made. */
export const pte_of = fn("pte_of", (mm, address, make) => {
  const entry = local(entryAt(Mm.at(mm).user, address.shr(21).and(511)));
  const table = local(page_of_entry(entry));
  if_(table.eq(0), () => {
    if_(make.eq(0), () => ret(0));
    table.set(need_page());
    pvMmu.call.alloc_table(mm, table);
    set_table(entry, table, PTE.table);
  });
  ret(entryAt(table, address.shr(12).and(511)));
});

/** (from, to): the first entry in that range that is present, or `to`. Most tables are nearly empty. */
const next_present = code("next_present", () => {
  const next = new Label("next"), found = new Label("found");
  asm.mov(eax, dword(esp, 4));
  asm.mov(edx, dword(esp, 8));
  bind(next);
  asm.cmp(eax, edx);
  asm.jae(found);
  asm.test(byte(eax), PTE.present);
  asm.jne(found);
  asm.add(eax, 8);
  asm.jmp(next);
  bind(found);
  asm.ret();
});

/** Emits `body` for each present entry of a table: the entry's address. */
export function eachPresent(table: Given, body: (entry: Place) => void): void {
  const entry = local(table);
  const end = local(entry.plus(PAGE));
  forever(() => {
    entry.set(next_present(entry, end));
    if_(entry.eq(end), () => break_());
    body(entry);
    entry.add(8);
  });
}

/** Emits `body` for each level 1 table of a program's part: its address and its place. */
export function eachTable(mm: Value, body: (table: Place, slot: Place) => void): void {
  const user = local(Mm.at(mm).user);
  eachPresent(user, (entry) => {
    body(local(page_of_entry(entry)), local(entry.minus(user).shr(3)));
  });
}

/** (mm): gives back all its pages and tables; it must not be in use by any processor. */
export const mm_destroy = fn("mm_destroy", (mm) => {
  pvMmu.call.exit_mm(mm);
  eachTable(mm, (table) => {
    eachPresent(table, (entry) => void put_page(page_of_entry(entry)));
    put_page(table);
  });
  const m = Mm.at(mm);
  for (const table of [m.user, m.kernel, m.top]) put_page(table);
  m.used.set(0);
});

/** (mm, address): the area that an address lies in, or 0. */
export const area_of = fn("area_of", (mm, address) => {
  for_(0, MAX_AREAS, (i) => {
    const area = Mm.at(mm).areas.at(i);
    if_(
      area.kind.ne(AREA.none).both(() => address.ge(area.start)).both(() => address.lt(area.end)),
      () => ret(area.address),
    );
  });
  ret(0);
});

/** (mm, start, end, kind, rights): a new area; 0 if there is no room or it overlaps another. */
export const add_area = fn("add_area", (mm, start, end, kind, rights) => {
  const found = local(0);
  for_(0, MAX_AREAS, (i) => {
    const area = Mm.at(mm).areas.at(i);
    if_(area.kind.eq(AREA.none), () => {
      found.set(area.address);
    }, () => {
      if_(area.start.lt(end).both(() => start.lt(area.end)), () => ret(0));
    });
  });
  if_(found.eq(0), () => ret(0));
  const area = Area.at(found);
  area.start.set(start);
  area.end.set(end);
  area.kind.set(kind);
  area.rights.set(rights);
  ret(found);
});
