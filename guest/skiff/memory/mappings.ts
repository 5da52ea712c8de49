// What a program may ask for: a longer heap, and pages of its own somewhere.

import { EINVAL } from "../../abi/errors.ts";
import { PTE } from "../../abi/numbers.ts";
import { fn, for_, if_, local, ret, while_ } from "../../asm/mod.ts";
import { pvMmu } from "../paravirt/ops.ts";
import {
  add_area,
  AREA,
  Area,
  area_of,
  MAX_AREAS,
  Mm,
  NX,
  page_of_entry,
  pte_of,
} from "./address_space.ts";
import { HEAP, MAPPINGS } from "./layout.ts";
import { PAGE, put_page } from "./pages.ts";

const HEAP_END = MAPPINGS;

/** (mm, from, to): takes the pages of a range away. */
export const drop_pages = fn("drop_pages", (mm, from, to) => {
  pvMmu.call.enter_lazy();
  while_(() => from.lt(to), () => {
    const entry = local(pte_of(mm, from, 0));
    if_(entry.ne(0), () => {
      const page = local(page_of_entry(entry));
      if_(page.ne(0), () => {
        pvMmu.call.set_pte_at(from, entry, 0, 0);
        put_page(page);
      });
    });
    from.add(PAGE);
  });
  pvMmu.call.leave_lazy();
});

/** (mm, end): moves the end of the heap, unless `end` is out of bounds; the end as it is then. */
export const change_heap = fn("change_heap", (mm, end) => {
  for_(0, MAX_AREAS, (i) => {
    const area = Mm.at(mm).areas.at(i);
    if_(area.kind.eq(AREA.heap), () => {
      if_(end.ge(HEAP).both(() => end.le(HEAP_END)), () => {
        end.set(end.plus(PAGE - 1).and(-PAGE));
        if_(end.lt(area.end), () => void drop_pages(mm, end, area.end));
        area.end.set(end);
      });
      ret(area.end);
    });
  });
  ret(0);
});

/** (mm, bytes): a new range of pages; its address, or 0. */
export const map_pages = fn("map_pages", (mm, bytes) => {
  bytes.set(bytes.plus(PAGE - 1).and(-PAGE));
  if_(bytes.eq(0).either(() => bytes.gt(0x10000000)), () => ret(0));
  // Behind the last one there is.
  const start = local(MAPPINGS);
  for_(0, MAX_AREAS, (i) => {
    const area = Mm.at(mm).areas.at(i);
    if_(area.kind.eq(AREA.mapping).both(() => area.end.gt(start)), () => start.set(area.end));
  });
  if_(add_area(mm, start, start.plus(bytes), AREA.mapping, PTE.write | NX).eq(0), () => ret(0));
  ret(start);
});

/** (mm, address): takes away the range that begins there; 0 or -EINVAL. */
export const unmap_pages = fn("unmap_pages", (mm, address) => {
  const area = local(area_of(mm, address));
  if_(area.eq(0), () => ret(-EINVAL));
  const a = Area.at(area);
  if_(a.kind.ne(AREA.mapping).either(() => a.start.ne(address)), () => ret(-EINVAL));
  drop_pages(mm, a.start, a.end);
  a.kind.set(AREA.none);
  ret(0);
});
