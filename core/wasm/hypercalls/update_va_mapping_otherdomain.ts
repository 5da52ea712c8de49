// update_va_mapping_otherdomain: the same with another domain's frames (hypercall 22), which only a
// domain with privilege over that one may do. Rules: shared/pv-abi.md §3.3, golden uva.other_*.
import { EPERM } from "../errno";
import { DOMID_IO } from "../domains/domain";
import { page_owner } from "./page_owner";
import { do_update_va_mapping } from "./update_va_mapping";

/** As do_update_va_mapping for DOMID_SELF; -EPERM for any other domain, -ESRCH if there is none. */
export function do_update_va_mapping_otherdomain(va: u64, pte: u64, flags: u64, domid: u32): i32 {
  const owner = page_owner(domid & 0xffff);
  if (owner < 0) return owner;
  if (<u32> owner == DOMID_IO) return -EPERM;
  return do_update_va_mapping(va, pte, flags);
}
