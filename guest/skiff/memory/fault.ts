// Page faults: pages come when they are first touched, and are copied when one who shares them writes.

import { PTE } from "../../abi/numbers.ts";
import { fn, global, if_, local, localOf, ret, u32, u64, userLoad } from "../../asm/mod.ts";
import type { Given, Value } from "../../asm/mod.ts";
import { copy } from "../../kernel/strings.ts";
import { pvMmu } from "../paravirt/ops.ts";
import { AREA, Area, area_of, page_of_entry, pte_of } from "./address_space.ts";
import { get_free_page, getPage, PAGE, pageOf, pfnOf, put_page } from "./pages.ts";

/** Error code bits: the page was there; a write; from ring 3; fetching an instruction. */
export const FAULT = { protection: 1, write: 2, user: 4, fetch: 16 } as const;

/** How often each kind of fault was settled. */
export const faults = {
  demand: global("demand_faults", u32),
  copied: global("cow_copies", u32),
  reused: global("cow_reuses", u32),
};

/** (address, entry, page, flags): maps a page in the address space that is loaded. */
const put_mapping = (address: Value, entry: Value, page: Value, flags: Given) => {
  const value = localOf(u64);
  pvMmu.call.make_pte(value.address, pfnOf(page), flags);
  return pvMmu.call.set_pte_at(address, entry, value.low, value.high);
};

/** (mm, address, area): brings a page that is not there; 0 if there is none to be had. */
const bring_page = fn("bring_page", (mm, address, area) => {
  const a = Area.at(area);
  const page = local();
  const entry = local(pte_of(mm, address, 1));
  const flags = local(a.rights.or(PTE.present | PTE.user | PTE.accessed));
  if_(a.kind.eq(AREA.image), () => {
    // The programs' image: everybody's pages, and nobody's to write to.
    page.set(address.minus(a.start).plus(userLoad));
    getPage(page);
  }, () => {
    page.set(get_free_page());
    if_(page.eq(0), () => ret(0));
  });
  put_mapping(address, entry, page, flags);
  ret(1);
});

/** (address, entry, area): gives the writer a page of its own; 0 if there is none to be had. */
const unshare_page = fn("unshare_page", (address, entry, area) => {
  const page = local(page_of_entry(entry));
  const flags = local(Area.at(area).rights.or(PTE.present | PTE.user | PTE.accessed | PTE.dirty));
  if_(pageOf(page).count.eq(1), () => {
    faults.reused.inc();
    put_mapping(address, entry, page, flags);
    ret(1);
  });
  const own = local(get_free_page());
  if_(own.eq(0), () => ret(0));
  copy(own, page, PAGE);
  put_mapping(address, entry, own, flags);
  put_page(page);
  faults.copied.inc();
  ret(1);
});

/** (mm, address, error): whether the access is due and can be tried again now. */
export const settle_fault = fn("settle_fault", (mm, address, error) => {
  address.set(address.and(-PAGE));
  const area = local(area_of(mm, address));
  if_(area.eq(0), () => ret(0));
  const rights = Area.at(area).rights;
  if_(error.and(FAULT.write).ne(0).both(() => rights.and(PTE.write).eq(0)), () => ret(0));
  // NX is the sign bit.
  if_(error.and(FAULT.fetch).ne(0).both(() => rights.isNegative()), () => ret(0));
  if_(error.and(FAULT.protection).eq(0), () => {
    const good = local(bring_page(mm, address, area));
    faults.demand.add(good);
    ret(good);
  });
  if_(error.and(FAULT.write).eq(0), () => ret(0));
  const entry = local(pte_of(mm, address, 0));
  if_(entry.eq(0), () => ret(0));
  if_(u32.at(entry).and(PTE.cow).eq(0), () => ret(0));
  ret(unshare_page(address, entry, area));
});
