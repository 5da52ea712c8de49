// sched_op: yield, block, poll, shut down, watchdogs (public/sched.h; xen/common/sched/core.c).
import { domain_shutdown } from "../domains/crash";
import { current, current_domain, DOM_DEAD, domain_by_id } from "../domains/domain";
import { vcpu_block, vcpu_poll, vcpu_yield } from "../domains/schedule";
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "../errno";
import { INFO_MASK, upcall_due } from "../events/bits";
import { charge, limit_slice, system_time } from "../events/clock";
import { port_pending } from "../events/channels";
import { port_usable } from "../events/ports";
import { timers_run, watchdog_set } from "../events/timers";
import { copy_from_guest } from "../pagetables/guest_copy";

const YIELD: u32 = 0;
const BLOCK: u32 = 1;
const SHUTDOWN: u32 = 2;
const POLL: u32 = 3;
const REMOTE_SHUTDOWN: u32 = 4;
const SHUTDOWN_CODE: u32 = 5;
const WATCHDOG: u32 = 6;
const PIN_OVERRIDE: u32 = 7;

const MAX_POLL: u32 = 128;
const HOLE: u64 = 0xf5800000;
/** ns that going through the scheduler is taken to last: a guest that waits by yielding waits this much each time. */
const YIELD_COST: u32 = 1000;

const arg_copy = memory.data(16);
const port_copy = memory.data(4);

/** SCHEDOP_yield. */
function yield_(): i32 {
  charge(YIELD_COST);
  vcpu_yield();
  return 0;
}

/** SCHEDOP_block: unmasks upcalls, then blocks unless one is due already. */
function block(): i32 {
  store<u8>(current.vcpu_info + INFO_MASK, 0);
  if (!upcall_due(current)) vcpu_block();
  return 0;
}

/**
 * SCHEDOP_poll: blocks until one of the ports is pending (masked or not), an upcall is due, or the
 * timeout (absolute, 0 = none) has passed. Nothing is unmasked or cleared.
 */
function poll(): i32 {
  const ports = load<u32>(arg_copy);
  const count = load<u32>(arg_copy, 4);
  const timeout = load<i64>(arg_copy, 8);
  if (count > MAX_POLL) return -EINVAL;
  if (<u64> ports + count * 4 > HOLE) return -EFAULT;
  if (upcall_due(current)) return 0;
  let port: u32 = 0;
  for (let n: u32 = 0; n < count; n++) {
    if (copy_from_guest(port_copy, ports + n * 4, 4)) return -EFAULT;
    port = load<u32>(port_copy);
    if (!port_usable(current_domain, port)) return -EINVAL;
    if (port_pending(current_domain, port)) return 0;
  }
  // Without a port only an event or the timeout can end it; poll_port 0 lets any port do so as well.
  vcpu_poll(count == 1 ? port : 0, timeout);
  const now = system_time();
  if (timeout && timeout <= now) timers_run(now);
  else if (timeout) limit_slice(timeout);
  return 0;
}

/** SCHEDOP_remote_shutdown: for toolstacks only. */
function remote_shutdown(): i32 {
  const id = load<u16>(arg_copy);
  if (id == 0) return -EPERM;
  const d = domain_by_id(id);
  return changetype<usize>(d) && d.state != DOM_DEAD ? -EPERM : -ESRCH;
}

/**
 * @param cmd SCHEDOP_*
 * @param arg guest address of its structure
 * @returns 0, a watchdog's number, or -EFAULT, -EINVAL, -ENOSPC, -EPERM, -ESRCH, -ENOSYS
 */
export function do_sched_op(cmd: u32, arg: u64): i32 {
  if (cmd == YIELD) return yield_();
  if (cmd == BLOCK) return block();
  if (cmd > PIN_OVERRIDE) return -ENOSYS;
  let size: u32 = 4;
  if (cmd == POLL) size = 16;
  else if (cmd == WATCHDOG || cmd == REMOTE_SHUTDOWN) size = 8;
  if (copy_from_guest(arg_copy, arg, size)) return -EFAULT;
  switch (cmd) {
    case SHUTDOWN:
      domain_shutdown(current_domain, load<u8>(arg_copy));
      return 0;
    case POLL:
      return poll();
    case REMOTE_SHUTDOWN:
      return remote_shutdown();
    case SHUTDOWN_CODE:
      if (current_domain.shutdown_code == -1) current_domain.shutdown_code = load<u8>(arg_copy);
      return 0;
    case WATCHDOG:
      return watchdog_set(current_domain, load<u32>(arg_copy), load<u32>(arg_copy, 4));
    default:
      return -EPERM; // pin_override: only the hardware domain
  }
}

/** sched_op_compat: the form from before Xen 3.0.2, with the shutdown reason by value. */
export function do_sched_op_compat(cmd: u32, arg: u32): i32 {
  if (cmd == YIELD) return yield_();
  if (cmd == BLOCK) return block();
  if (cmd != SHUTDOWN) return -ENOSYS;
  domain_shutdown(current_domain, arg & 0xff);
  return 0;
}
