// Fair shares. Each vCPU is charged for the processor it had, in instructions and what hypercalls
// were taken to last; the runnable one that had least runs next. So runnable vCPUs get the same,
// whatever domain they are in and however often their slices are cut short (Xen's credit schedulers
// count so too: a domain's weight is that of each of its vCPUs).
//
// Who slept may not come back with all that it did not use: it is put a slice ahead of the others, two where slices
// are short.
import { C_BUDGET, CPU } from "../layout";
import { DOM_RUNNING, Domain, Vcpu, vcpu_of, VCPU_RUNNABLE } from "./domain";
import { live_count, live_domain } from "./live";

/** What a vCPU that slept may be ahead by. */
let lead: u64 = 200000;

/** What the vCPU that ran last had had when it was chosen: no chosen one was ever less ahead for long. */
let reached: u64 = 0;
/** The vCPU that yielded: the others go first, once. */
let passing: Vcpu = changetype<Vcpu>(0);
/** Domain number and vCPU of the last choice: among equals it is the next one's turn. */
let last_domain: u32 = 0;
let last_vcpu: u32 = 0;
/** Instructions the slice at hand was given, of those that are charged. */
let given: i32 = 0;
/** What the last slice used of them; 0 before the first. */
export let last_used: i32 = 0;

/** A vCPU came into the running: new, woken, or let go on. */
export function credit_enter(v: Vcpu): void {
  const least = reached > lead ? reached - lead : 0;
  if (v.used < least) v.used = least;
}

/** Wall time only: slices have so many instructions now, and who was woken keeps the others waiting for no more than two. */
export function credit_lead(budget: i32): void {
  lead = <u64> budget * 2;
}

/** The running vCPU yielded. */
export function credit_yield(v: Vcpu): void {
  passing = v;
}

/** The slice at hand, which now has `budget` instructions left, is `by` instructions shorter than thought. */
export function credit_cut(by: i32): void {
  given -= by;
}

/** A slice begins. Its budget stands in C_BUDGET. */
export function credit_begin(v: Vcpu): void {
  given = load<i32>(CPU + C_BUDGET);
  if (v.used > reached) reached = v.used;
  passing = changetype<Vcpu>(0);
  last_domain = changetype<Domain>(v.domain).id;
  last_vcpu = v.id;
}

/** The slice is over: what is gone from its budget was used. */
export function credit_end(v: Vcpu): void {
  const used = given - load<i32>(CPU + C_BUDGET);
  last_used = used > 0 ? used : 1;
  v.used += last_used;
}

/** Instructions that the last slice ran, and what hypercalls were taken to last; none (0) where nothing was runnable. */
export function slice_used(): i32 {
  return last_used;
}

/** Nothing runs in this slice. */
export function credit_none(): void {
  last_used = 0;
}

/** Whether any vCPU is runnable. */
export function any_runnable(): bool {
  for (let n: u32 = 0; n < live_count; n++) {
    const d = live_domain(n);
    if (d.state != DOM_RUNNING) continue;
    for (let i: u32 = 0; i < d.max_vcpus; i++) if (vcpu_of(d, i).state == VCPU_RUNNABLE) return true;
  }
  return false;
}

/** The runnable vCPU whose turn it is; null if there is none. */
export function next_runnable(): Vcpu {
  let best: Vcpu = changetype<Vcpu>(0);
  let at: u32 = 0; // the domain of the last choice, or the first after it if that is gone
  while (at < live_count && live_domain(at).id < last_domain) at++;
  if (at == live_count) at = 0;
  for (let k: u32 = 0; k < live_count; k++) {
    const d = live_domain(at);
    if (d.state == DOM_RUNNING) {
      // the last choice itself comes last: before its successors in its domain others take their turn
      let first: u32 = k == 0 && d.id == last_domain ? last_vcpu + 1 : 0;
      if (first >= d.max_vcpus) first = 0;
      for (let n: u32 = 0; n < d.max_vcpus; n++) {
        const v = vcpu_of(d, first + n < d.max_vcpus ? first + n : first + n - d.max_vcpus);
        if (v.state != VCPU_RUNNABLE || v == passing) continue;
        if (!changetype<usize>(best) || v.used < best.used || (v.used == best.used && was_last(best))) best = v;
      }
    }
    at = at + 1 == live_count ? 0 : at + 1;
  }
  if (changetype<usize>(best) || !changetype<usize>(passing)) return best;
  const alone = passing.state == VCPU_RUNNABLE && changetype<Domain>(passing.domain).state == DOM_RUNNING;
  return alone ? passing : changetype<Vcpu>(0);
}

function was_last(v: Vcpu): bool {
  return v.id == last_vcpu && changetype<Domain>(v.domain).id == last_domain;
}
