// Timers: each vCPU's one-shot and periodic VIRQ_TIMER, the time limits of SCHEDOP_poll, and each
// domain's two watchdogs (xen/common/sched/core.c; shared/pv-abi.md §9.5, §9.6).
import { domain_shutdown } from "../domains/crash";
import {
  DOM_RUNNING,
  Domain,
  Vcpu,
  vcpu_of,
  VCPU_POLLING,
} from "../domains/domain";
import { live_count, live_domain } from "../domains/live";
import { vcpu_wake } from "../domains/schedule";
import { EINVAL, ENOSPC } from "../errno";
import { raise_virq, virq_port, VIRQ_TIMER } from "./channels";
import { limit_slice, system_time } from "./clock";

const MILLISECOND: i64 = 1000000;
/** The tick every vCPU starts with. */
export const DEFAULT_PERIOD: i64 = 10 * MILLISECOND;
const WATCHDOGS: u32 = 2;
const SHUTDOWN_WATCHDOG: u32 = 4;

function watchdog(d: Domain, n: u32): i64 {
  return n ? d.watchdog1 : d.watchdog0;
}
function set_watchdog(d: Domain, n: u32, deadline: i64): void {
  if (n) d.watchdog1 = deadline;
  else d.watchdog0 = deadline;
}

/** No timer of a running domain is due before this; -1 = there is none. */
let earliest: i64 = -1;
/** A timer was stopped or put off since that was found, so that it may be too early. */
let stale: bool = false;

/** A timer was set. */
export function timer_set(deadline: i64): void {
  if (earliest < 0 || deadline < earliest) earliest = deadline;
}

/** A timer was stopped, or set to another time. */
export function timer_stopped(): void {
  stale = true;
}

/** A domain runs (again), and its timers with it. */
export function timers_resumed(): void {
  earliest = 0;
  stale = true;
}

/** Carries out what is due at `now`. Watchdogs that fire end their domain (SHUTDOWN_watchdog). */
export function timers_run(now: i64): void {
  if (earliest < 0 || earliest > now) return;
  for (let i: u32 = 0; i < live_count; i++) {
    const d = live_domain(i);
    if (d.state != DOM_RUNNING) continue;
    for (let n: u32 = 0; n < d.max_vcpus; n++) {
      const v = vcpu_of(d, n);
      if (v.singleshot_deadline >= 0 && v.singleshot_deadline <= now) {
        v.singleshot_deadline = -1;
        raise_virq(v, VIRQ_TIMER);
      }
      if (v.state == VCPU_POLLING && v.poll_deadline > 0 && v.poll_deadline <= now) vcpu_wake(v);
    }
    for (let n: u32 = 0; n < WATCHDOGS; n++) {
      if (watchdog(d, n) > 0 && watchdog(d, n) <= now) {
        set_watchdog(d, n, 0);
        domain_shutdown(d, SHUTDOWN_WATCHDOG);
      }
    }
  }
  stale = true;
}

function sooner(a: i64, b: i64): i64 {
  if (b < 0) return a;
  return a < 0 || b < a ? b : a;
}

/** System time at which timers_run is to be called, at the latest; -1 = never. Ticks are not among it: they run only with their vCPU. */
export function next_deadline(): i64 {
  if (stale) earliest = first_deadline();
  stale = false;
  return earliest;
}

function first_deadline(): i64 {
  let next: i64 = -1;
  for (let i: u32 = 0; i < live_count; i++) {
    const d = live_domain(i);
    if (d.state != DOM_RUNNING) continue;
    for (let n: u32 = 0; n < d.max_vcpus; n++) {
      const v = vcpu_of(d, n);
      next = sooner(next, v.singleshot_deadline);
      if (v.state == VCPU_POLLING && v.poll_deadline > 0) next = sooner(next, v.poll_deadline);
    }
    for (let n: u32 = 0; n < WATCHDOGS; n++) {
      if (watchdog(d, n) > 0) next = sooner(next, watchdog(d, n));
    }
  }
  return next;
}

/**
 * The periodic tick of a vCPU that is about to run: it ticks if a period has gone by since the last
 * one, however many were missed. Ticks reach nobody, and cost nothing, until VIRQ_TIMER is bound.
 *
 * @returns when it is due next, -1 = it does not tick
 */
export function tick(v: Vcpu, now: i64): i64 {
  if (!v.periodic_period || !virq_port(v, VIRQ_TIMER)) return -1;
  if (now >= v.periodic_next) {
    raise_virq(v, VIRQ_TIMER);
    v.periodic_next = now + v.periodic_period;
  }
  return v.periodic_next;
}

/** Sets a vCPU's tick; a period of 0 stops it. */
export function set_periodic(v: Vcpu, period: i64): void {
  v.periodic_period = period;
  v.periodic_next = system_time() + period;
  if (period) limit_slice(v.periodic_next);
}

/** Stops the running vCPU's one-shot timer. */
export function stop_singleshot(v: Vcpu): void {
  v.singleshot_deadline = -1;
  stale = true;
}

/** Arms the running vCPU's one-shot timer; what is already past fires at once. */
export function set_singleshot(v: Vcpu, deadline: i64): void {
  v.singleshot_deadline = deadline < 0 ? 0 : deadline;
  stale = true;
  timer_set(v.singleshot_deadline);
  const now = system_time();
  if (v.singleshot_deadline <= now) timers_run(now);
  else limit_slice(deadline);
}

/**
 * SCHEDOP_watchdog.
 *
 * @param id 0: arm a free watchdog; else the one to arm anew or, with `seconds` 0, to put away
 * @param seconds time from now until the domain is ended; for id 0 a zero fires at once
 * @returns the number of a new watchdog (from 1), 0, -ENOSPC none is free, -EINVAL not armed
 */
export function watchdog_set(d: Domain, id: u32, seconds: u32): i32 {
  const now = system_time();
  const deadline = now + <i64> seconds * 1000 * MILLISECOND;
  if (id > WATCHDOGS) return -EINVAL;
  let n = id - 1;
  if (id == 0) {
    for (n = 0; n < WATCHDOGS && (d.watchdogs >> n) & 1; n++) {}
    if (n == WATCHDOGS) return -ENOSPC;
    d.watchdogs |= 1 << n;
  } else {
    if (!((d.watchdogs >> n) & 1)) return -EINVAL;
    if (seconds == 0) {
      d.watchdogs &= ~(1 << n);
      set_watchdog(d, n, 0);
      stale = true;
      return 0;
    }
  }
  set_watchdog(d, n, deadline);
  stale = true;
  timer_set(deadline);
  if (deadline <= now) timers_run(now);
  else limit_slice(deadline);
  return id ? 0 : n + 1;
}
