// The host's use of grants. To guests it is domain 0, whose console and xenstore daemons map the
// rings through the two entries the toolstack filled in.
import { DOM_DEAD, domain_by_id } from "../domains/domain";
import { EINVAL, ESRCH } from "../errno";
import {
  grant_entry,
  grant_table,
  GTF_PERMIT_ACCESS,
  GTF_READING,
  GTF_WRITING,
  RESERVED_ENTRIES,
} from "./table";

/**
 * Fills in a reserved entry as the toolstack does: domain 0 may map `mfn`, and does so for as long as
 * the domain lives.
 *
 * @param ref 0 console, 1 xenstore
 * @returns 0, -ESRCH, or -EINVAL for a ref that is not reserved, or in a table of version 2
 */
export function host_grant_seed(domid: u32, ref: u32, mfn: u32): i32 {
  const d = domain_by_id(domid);
  if (!changetype<usize>(d) || d.state == DOM_DEAD) return -ESRCH;
  const t = grant_table(d);
  if (ref >= RESERVED_ENTRIES || t.version != 1) return -EINVAL;
  const e = grant_entry(t, ref);
  store<u16>(e, 0, 2);
  store<u32>(e, mfn, 4);
  store<u16>(e, GTF_PERMIT_ACCESS | GTF_READING | GTF_WRITING);
  return 0;
}
