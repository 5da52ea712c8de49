// vcpu_op: starting and stopping vCPUs, their timers, runstate and registered areas (public/vcpu.h;
// xen/common/domain.c; shared/pv-abi.md §9.7).
import { context_apply, CONTEXT_SIZE } from "../domains/context";
import { domain_shutdown, SHUTDOWN_POWEROFF } from "../domains/crash";
import { current, current_domain, heap_alloc, Vcpu, VCPU_DOWN, vcpu_of } from "../domains/domain";
import { vcpu_down, vcpu_up, vcpu_wake } from "../domains/schedule";
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM, ENOSYS } from "../errno";
import { update_time } from "../events/clock";
import { runstate_fill, RUNSTATE_SIZE } from "../events/runstate";
import { set_periodic, set_singleshot, stop_singleshot } from "../events/timers";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { register_runstate_area, register_time_area, register_vcpu_info } from "./register_area";

const PERIOD_MIN: u64 = 1000000; // 1 ms
const PERIOD_MAX: u64 = 0x3fffffffffffffff;

const buffer = memory.data(48);
let context: usize = 0;

function initialise(v: Vcpu, arg: u64): i32 {
  if (!context) context = heap_alloc(CONTEXT_SIZE);
  if (!context) return -ENOMEM;
  if (copy_from_guest(context, arg, CONTEXT_SIZE)) return -EFAULT;
  if (v.initialised) return -EEXIST;
  return context_apply(v, context);
}

/** Takes a vCPU down; the last one that is up takes the domain with it. */
function down(v: Vcpu): i32 {
  for (let n: u32 = 0; n < current_domain.max_vcpus; n++) {
    const other = vcpu_of(current_domain, n);
    if (other == v || other.state == VCPU_DOWN) continue;
    vcpu_down(v);
    return 0;
  }
  domain_shutdown(current_domain, SHUTDOWN_POWEROFF);
  return 0;
}

function get_runstate(v: Vcpu, arg: u64): i32 {
  runstate_fill(v, buffer, true);
  return copy_to_guest(arg, buffer, RUNSTATE_SIZE) ? -EFAULT : 0;
}

function periodic(v: Vcpu, arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 8)) return -EFAULT;
  const period = load<u64>(buffer);
  if (period < PERIOD_MIN || period > PERIOD_MAX) return -EINVAL;
  set_periodic(v, period);
  return 0;
}

/** The "future" flag is ignored: a time that has passed fires at once, as on Xen 4.17. */
function singleshot(v: Vcpu, arg: u64): i32 {
  if (v != current) return -EINVAL;
  if (copy_from_guest(buffer, arg, 12)) return -EFAULT;
  set_singleshot(v, load<i64>(buffer));
  return 0;
}

function stop_timer(v: Vcpu): i32 {
  if (v != current) return -EINVAL;
  stop_singleshot(v);
  return 0;
}

function send_nmi(v: Vcpu, arg: u64): i32 {
  if (arg) return -EINVAL;
  if (!v.nmi_pending) {
    v.nmi_pending = 1;
    vcpu_wake(v);
  }
  return 0;
}

function time_area(v: Vcpu, arg: u64): i32 {
  const r = register_time_area(v, arg);
  if (r == 0) update_time(v);
  return r;
}

/**
 * @param cmd VCPUOP_*
 * @param id vCPU number of this domain; -ENOENT if it has none such, whatever the command
 * @param arg guest address of the command's structure
 * @returns 0 or 1 (is_up), or a negative errno
 */
export function do_vcpu_op(cmd: u32, id: u32, arg: u64): i32 {
  const v = vcpu_of(current_domain, id);
  if (!changetype<usize>(v)) return -ENOENT;
  switch (cmd) {
    case 0:
      return initialise(v, arg);
    case 1:
      if (!v.initialised) return -EINVAL;
      vcpu_up(v);
      return 0;
    case 2:
      return down(v);
    case 3:
      return v.state == VCPU_DOWN ? 0 : 1;
    case 4:
      return get_runstate(v, arg);
    case 5:
      return register_runstate_area(v, arg);
    case 6:
      return periodic(v, arg);
    case 7:
      set_periodic(v, 0);
      return 0;
    case 8:
      return singleshot(v, arg);
    case 9:
      return stop_timer(v);
    case 10:
      return register_vcpu_info(v, arg);
    case 11:
      return send_nmi(v, arg);
    case 12:
      return -EINVAL; // get_physid: no vCPU is tied to a processor
    case 13:
      return time_area(v, arg);
    default:
      return -ENOSYS;
  }
}
