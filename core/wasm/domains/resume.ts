// After a suspend: the toolstack saved the domain, or gave up doing so, and lets it go on.
import { R_AX } from "../layout";
import { EBUSY, EINVAL, ESRCH } from "../errno";
import { RUNNABLE, runstate_change } from "../events/runstate";
import { timers_resumed } from "../events/timers";
import { SHUTDOWN_SUSPEND } from "./crash";
import { credit_enter } from "./credit";
import { current, DOM_DEAD, DOM_SHUTDOWN, DOM_RUNNING, domain_by_id, vcpu_of, VCPU_RUNNABLE } from "./domain";

/**
 * Lets a suspended domain run again, in memory that stayed as it was: its SCHEDOP_shutdown returns.
 *
 * @param result what it returns: 1 tells the guest that nothing happened ("cancelled"), 0 that it was
 *   away (xc_domain_resume)
 * @returns 0, -ESRCH, -EINVAL for a domain that is not suspended, or -EBUSY while a slice runs
 */
export function domain_resume(domid: u32, result: u32): i32 {
  const d = domain_by_id(domid);
  if (!changetype<usize>(d) || d.state == DOM_DEAD) return -ESRCH;
  if (d.state != DOM_SHUTDOWN || d.shutdown_code != SHUTDOWN_SUSPEND) return -EINVAL;
  if (changetype<usize>(current)) return -EBUSY;
  d.state = DOM_RUNNING;
  timers_resumed();
  d.shutdown_code = -1;
  store<u64>(vcpu_of(d, 0).cpu + R_AX, result);
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    v.off_cpu = 1;
    if (v.state != VCPU_RUNNABLE) continue;
    credit_enter(v);
    runstate_change(v, RUNNABLE);
  }
  return 0;
}
