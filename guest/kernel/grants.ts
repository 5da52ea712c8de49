// Pages shared with other domains (public/grant_table.h): the table in which a domain says who may
// map what, and the mapping of others' pages.

import { DOMID_SELF, GNTMAP, GNTTABOP, GTF, PTE } from "../abi/numbers.ts";
import { GrantEntry, GrantMap, GrantSetup, GrantUnmap } from "../abi/structs.ts";
import { array, fn, global, if_, local, localOf, pages, ret, u32 } from "../asm/mod.ts";
import { grant_table_op } from "./hypercalls.ts";
import { map_frame, mfn_of } from "./memory.ts";
import { panic } from "./panic.ts";
import { barrier } from "./state.ts";

/** The page that `grants_init` puts the table's first frame over: 512 entries of version 1. */
const tablePage = pages("grant_table", 1);
const entries = array(GrantEntry, 512).at(tablePage);
/** Handle of the mapping made last. */
export const grantHandle = global("grant_handle", u32);

/** Maps the first frame of the grant table. */
export const grants_init = fn("grants_init", () => {
  const setup = localOf(GrantSetup);
  const frame = local(0);
  setup.dom.set(DOMID_SELF);
  setup.nr_frames.set(1);
  setup.status.set(-1);
  setup.frame_list.set(frame.address);
  grant_table_op(GNTTABOP.setup_table, setup.address, 1);
  if_(setup.status.ne(0), () => void panic("no grant table"));
  if_(
    map_frame(tablePage, frame, PTE.kernel).isNegative(),
    () => void panic("grant table: no map"),
  );
});

/** (ref, domain, page): lets a domain map one of our pages, and write to it. */
export const grant_page = fn("grant_page", (ref, domid, page) => {
  const entry = entries.at(ref);
  entry.domid.set(domid);
  entry.frame.set(mfn_of(page));
  barrier();
  entry.flags.set(GTF.permit_access);
});

/** (ref): 1 while somebody has the page mapped or is copying. */
export const grant_in_use = fn("grant_in_use", (ref) => {
  ret(entries.at(ref).flags.and(GTF.reading | GTF.writing).ne(0));
});

/** (domain, ref, page): maps another's page over one of our own; its status (0: `grantHandle` is set). */
export const map_grant = fn("map_grant", (domid, ref, page) => {
  const map = localOf(GrantMap);
  map.host_addr.set(page, 0);
  map.flags.set(GNTMAP.host_map);
  map.ref.set(ref);
  map.dom.set(domid);
  map.status.set(-1);
  grant_table_op(GNTTABOP.map, map.address, 1);
  grantHandle.set(map.handle);
  ret(map.status);
});

/** (page, handle): takes the mapping away; its status. */
export const unmap_grant = fn("unmap_grant", (page, handle) => {
  const unmap = localOf(GrantUnmap);
  unmap.host_addr.set(page, 0);
  unmap.dev_bus_addr.set(0, 0);
  unmap.handle.set(handle);
  unmap.status.set(-1);
  grant_table_op(GNTTABOP.unmap, unmap.address, 1);
  ret(unmap.status);
});
