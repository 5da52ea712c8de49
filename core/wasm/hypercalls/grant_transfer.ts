// GNTTABOP_transfer and swap_grant_ref: a frame that changes its owner, and two entries that change
// places. Rules: xen/common/grant_table.c; layouts: public/grant_table.h.
import { current_domain, DOM_DEAD, Domain, domain_by_id } from "../domains/domain";
import { reown_frame, scrap_frame } from "../frames/alloc";
import { m2p_set } from "../frames/m2p";
import { BAD_DOMAIN, BAD_GNTREF, BAD_PAGE, EAGAIN, GENERAL_ERROR, OKAY } from "../grants/status";
import { grant_entries, grant_entry, grant_entry_frame, grant_status, grant_table } from "../grants/table";
import { grant_in_use } from "../grants/use";
import { tlb_flush_all } from "../pagetables/tlb";
import { give_up } from "./memory_exchange";

// Flags of an entry that takes a frame in (GTF_*).
const ACCEPT_TRANSFER: u16 = 2;
const COMMITTED: u16 = 4;
const COMPLETED: u16 = 8;

/** Commits an entry of `to` that waits for a frame from `from`; false if it does not. */
function prepare(to: Domain, ref: u32, from: u32): bool {
  const t = grant_table(to);
  if (ref >= grant_entries(t)) return false;
  const entry = grant_entry(t, ref);
  const flags = load<u16>(entry);
  if (flags != ACCEPT_TRANSFER || load<u16>(entry, 2) != from) return false; // whatever else is set
  store<u16>(entry, flags | COMMITTED);
  return true;
}

/**
 * One struct gnttab_transfer {mfn u32, domid u16, ref u32 @8, status s16 @12}: gives a frame that
 * nothing refers to to the domain whose entry accepts it. The entry holds the pfn it is to have there,
 * and its mfn afterwards. A frame that could be given up and is not taken is nobody's, as in Xen.
 *
 * @returns its GNTST_ status: bad_page for a frame that cannot be given up; bad_domain; general_error
 *   when the entry does not accept it, or the domain has all the memory it may have
 */
export function grant_transfer(op: usize): i32 {
  const mfn = load<u32>(op);
  const domid = <u32> load<u16>(op, 4);
  const ref = load<u32>(op, 8);
  if (!give_up(mfn)) return BAD_PAGE;
  tlb_flush_all(current_domain);
  const to = domain_by_id(domid);
  const alive = changetype<usize>(to) != 0 && to.state != DOM_DEAD;
  if (!alive || to.tot_pages >= to.max_pages || !prepare(to, ref, current_domain.id)) {
    scrap_frame(mfn);
    return alive || domid == 0 ? GENERAL_ERROR : BAD_DOMAIN;
  }
  reown_frame(mfn, to);
  const t = grant_table(to);
  const entry = grant_entry(t, ref);
  m2p_set(mfn, grant_entry_frame(t, ref));
  if (t.version == 1) store<u32>(entry, mfn, 4);
  else store<u64>(entry, mfn, 8);
  store<u16>(entry, load<u16>(entry) | COMPLETED);
  return OKAY;
}

function swap16(a: usize, b: usize): void {
  const word = load<u16>(a);
  store<u16>(a, load<u16>(b));
  store<u16>(b, word);
}

/**
 * One struct gnttab_swap_grant_ref {a u32, b u32, status s16}: two entries of the caller's change
 * places, with their status in version 2.
 *
 * @returns its GNTST_ status: bad_gntref; eagain while either is in use
 */
export function grant_swap(op: usize): i32 {
  const t = grant_table(current_domain);
  const a = load<u32>(op);
  const b = load<u32>(op, 4);
  if (a >= grant_entries(t) || b >= grant_entries(t)) return BAD_GNTREF;
  if (a == b) return OKAY;
  if (grant_in_use(t, a) || grant_in_use(t, b)) return EAGAIN;
  const size: usize = t.version == 1 ? 8 : 16;
  for (let n: usize = 0; n < size; n += 2) swap16(grant_entry(t, a) + n, grant_entry(t, b) + n);
  if (t.version != 1) swap16(grant_status(t, a), grant_status(t, b));
  return OKAY;
}
