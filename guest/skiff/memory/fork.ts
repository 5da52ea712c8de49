// Fork's half that is memory: the child's tables are copies, the pages the same. What either could
// write becomes read-only for both and is marked, so that the first write makes a copy.

import { PTE } from "../../abi/numbers.ts";
import { fn, if_, local, localOf, ret, u64 } from "../../asm/mod.ts";
import { copy } from "../../kernel/strings.ts";
import { pvMmu } from "../paravirt/ops.ts";
import {
  Area,
  eachPresent,
  eachTable,
  MAX_AREAS,
  Mm,
  mm_create,
  page_of_entry,
  pte_of,
} from "./address_space.ts";
import { getPage } from "./pages.ts";

/** (entry, child's table, address): shares one page, if there is one. */
const share_page = fn("share_page", (entry, twin, address) => {
  const page = local(page_of_entry(entry));
  if_(page.eq(0), () => ret());
  getPage(page);
  const value = localOf(u64);
  value.copy(u64.at(entry));
  if_(value.low.and(PTE.write).ne(0), () => {
    value.low.set(value.low.and(~PTE.write).or(PTE.cow));
    pvMmu.call.set_pte_at(address, entry, value.low, value.high);
  });
  u64.at(twin).copy(value);
});

/** (mm): a copy of the address space that is loaded; 0 if there is no room. */
export const mm_copy = fn("mm_copy", (mm) => {
  const child = local(mm_create());
  if_(child.eq(0), () => ret(0));
  copy(Mm.at(child).areas.address, Mm.at(mm).areas.address, MAX_AREAS * Area.size);
  pvMmu.call.enter_lazy();
  eachTable(mm, (table, slot) => {
    const twin = local(pte_of(child, slot.shl(21), 1));
    eachPresent(table, (entry) => {
      const offset = local(entry.minus(table));
      share_page(entry, twin.plus(offset), slot.shl(21).or(offset.shl(9)));
    });
  });
  pvMmu.call.flush_tlb_user();
  pvMmu.call.leave_lazy();
  pvMmu.call.dup_mm(child);
  ret(child);
});
