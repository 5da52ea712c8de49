// The domains there are, side by side: what the scheduler and the timers go through at every slice.
import { DOM_DEAD, Domain, domain_by_id, heap_alloc, MAX_DOMAINS } from "./domain";

let list: usize = 0;

/** How many domains there are. */
export let live_count: u32 = 0;

/** Brings the list up to date; to be called whenever a domain was made or destroyed. */
export function live_update(): void {
  if (!list) list = heap_alloc(MAX_DOMAINS * sizeof<usize>());
  live_count = 0;
  for (let id: u32 = 1; id < MAX_DOMAINS; id++) {
    const d = domain_by_id(id);
    if (!changetype<usize>(d) || d.state == DOM_DEAD) continue;
    store<usize>(list + live_count++ * sizeof<usize>(), changetype<usize>(d));
  }
}

/** The n-th of them, in the order of their numbers. */
// @ts-ignore: decorator
@inline
export function live_domain(n: u32): Domain {
  return changetype<Domain>(load<usize>(list + n * sizeof<usize>()));
}
