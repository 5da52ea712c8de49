// The end of a domain: everything it held goes back.
import { EBUSY, ESRCH } from "../errno";
import { close_all } from "../events/close";
import { timer_stopped } from "../events/timers";
import { put_page_and_type } from "../frames/refs";
import { GOING_NOT, MANY, relinquish_begin, relinquish_some } from "../frames/relinquish";
import { grants_forget } from "../grants/use";
import { grant_unmap_all } from "../hypercalls/grant_map";
import { current, DOM_DEAD, Domain, domain_by_id, MAX_DOMAINS } from "./domain";
import { live_update } from "./live";

/**
 * Ends a domain: channels are closed (their other ends fall back to unbound), mappings of others' grants
 * given up. From here on it is none, to its host as to guests; its memory goes back by machine_reclaim, and its number
 * stays unused until that is done and the others have had their turn.
 *
 * @returns 0, -ESRCH, or -EBUSY while a slice runs, which may be using what would go
 */
export function domain_kill(domid: u32): i32 {
  if (changetype<usize>(current)) return -EBUSY;
  const d: Domain = domain_by_id(domid);
  if (!changetype<usize>(d) || d.state == DOM_DEAD) return -ESRCH;
  close_all(d);
  grant_unmap_all(d);
  if (d.pirq_eoi_mfn) put_page_and_type(d.pirq_eoi_mfn);
  d.pirq_eoi_mfn = 0;
  grants_forget(d);
  relinquish_begin(d);
  d.state = DOM_DEAD;
  timer_stopped();
  live_update();
  return 0;
}

/**
 * Gives memory back that domains had which were killed.
 *
 * @param frames how much to do, at most: frames of 4 KiB, a page table being some of them
 * @returns 1 when there is more to do, 0 when there is not, -EBUSY while a slice runs
 */
export function machine_reclaim(frames: u32): i32 {
  if (changetype<usize>(current)) return -EBUSY;
  let left = min<u32>(frames, MANY);
  for (let id: u32 = 1; id < MAX_DOMAINS; id++) {
    const d = domain_by_id(id);
    if (!changetype<usize>(d) || d.state != DOM_DEAD || d.going == GOING_NOT) continue;
    left = relinquish_some(d, left);
    if (!left) return 1;
  }
  return 0;
}

/** domain_kill, and its memory goes back at once: 1 GiB takes some ten milliseconds. @returns as domain_kill */
export function domain_destroy(domid: u32): i32 {
  const result = domain_kill(domid);
  if (result != 0) return result;
  const d = domain_by_id(domid);
  while (d.going != GOING_NOT) relinquish_some(d, MANY);
  return 0;
}
