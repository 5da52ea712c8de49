// The end of a domain: everything it held goes back.
import { EBUSY, ESRCH } from "../errno";
import { close_all } from "../events/close";
import { timer_stopped } from "../events/timers";
import { domain_relinquish } from "../frames/populate";
import { put_page_and_type } from "../frames/refs";
import { grants_forget } from "../grants/use";
import { grant_unmap_all } from "../hypercalls/grant_map";
import { current, DOM_DEAD, Domain, domain_by_id } from "./domain";
import { live_update } from "./live";

/**
 * Destroys a domain: channels are closed (their other ends fall back to unbound), mappings of others'
 * grants given up, memory freed. Its number stays unused until the others have had their turn.
 *
 * @returns 0, -ESRCH, or -EBUSY while a slice runs, which may be using what would go
 */
export function domain_destroy(domid: u32): i32 {
  if (changetype<usize>(current)) return -EBUSY;
  const d: Domain = domain_by_id(domid);
  if (!changetype<usize>(d) || d.state == DOM_DEAD) return -ESRCH;
  close_all(d);
  grant_unmap_all(d);
  if (d.pirq_eoi_mfn) put_page_and_type(d.pirq_eoi_mfn);
  d.pirq_eoi_mfn = 0;
  domain_relinquish(domid);
  grants_forget(d);
  d.state = DOM_DEAD;
  timer_stopped();
  live_update();
  return 0;
}
