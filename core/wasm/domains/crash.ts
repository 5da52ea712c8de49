// How a domain ends: by its own wish, by a watchdog, or for what its guest did.
import { request_stop } from "../cpu/state";
import { call_host } from "../events/host";
import { timer_stopped } from "../events/timers";
import { console_flush } from "../hypercalls/console_io";
import { current, current_domain, DOM_SHUTDOWN, Domain } from "./domain";

/** SHUTDOWN_* (public/sched.h). Guests may also give numbers of their own. */
export const SHUTDOWN_POWEROFF: u32 = 0;
export const SHUTDOWN_REBOOT: u32 = 1;
export const SHUTDOWN_SUSPEND: u32 = 2;
export const SHUTDOWN_CRASH: u32 = 3;
export const SHUTDOWN_WATCHDOG: u32 = 4;

/**
 * Ends a domain with a SHUTDOWN_ code: none of its vCPUs runs again, also where the host has paused it
 * in the middle of its slice. A code given before (here or by SCHEDOP_shutdown_code) stays: the first
 * reason sticks.
 */
export function domain_shutdown(d: Domain, code: u32): void {
  if (d.shutdown_code == -1) d.shutdown_code = code;
  if (d.state == DOM_SHUTDOWN) return;
  d.state = DOM_SHUTDOWN;
  timer_stopped();
  console_flush(d);
  call_host(d);
  if (changetype<usize>(current) && current_domain == d) request_stop();
}

/**
 * Ends a domain for what its guest did: SHUTDOWN_crash, with a reason for the report. The registers
 * of the vCPU at fault stay as they are now. Other domains go on.
 */
export function domain_crash(d: Domain, reason: string): void {
  if (d.state == DOM_SHUTDOWN) return;
  d.crash_reason = changetype<usize>(reason);
  if (changetype<usize>(current) && current_domain == d) d.crash_vcpu = current.id;
  domain_shutdown(d, SHUTDOWN_CRASH);
}
