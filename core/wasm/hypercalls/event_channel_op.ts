// event_channel_op: copies each sub-operation's structure in and out; the rules are in events/.
import { current_domain } from "../domains/domain";
import { EBUSY, EFAULT, EINVAL, ENOSYS } from "../errno";
import {
  alloc_unbound,
  bind_interdomain,
  bind_ipi,
  bind_pirq,
  bind_vcpu,
  bind_virq,
  target_self,
} from "../events/bind";
import { unmask_port } from "../events/channels";
import { close_all, close_port, port_status, send_port } from "../events/close";
import { expand_array, init_control, LINK_BITS, set_priority, uses_fifo } from "../events/fifo";
import { port_valid } from "../events/ports";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";

// EVTCHNOP_* (public/event_channel.h)
const BIND_INTERDOMAIN: u32 = 0;
const BIND_VIRQ: u32 = 1;
const BIND_PIRQ: u32 = 2;
const CLOSE: u32 = 3;
const SEND: u32 = 4;
const STATUS: u32 = 5;
const ALLOC_UNBOUND: u32 = 6;
const BIND_IPI: u32 = 7;
const BIND_VCPU: u32 = 8;
const UNMASK: u32 = 9;
const RESET: u32 = 10;
const INIT_CONTROL: u32 = 11;
const EXPAND_ARRAY: u32 = 12;
const RESET_CONT: u32 = 14;

const arg_copy = memory.data(32);
/** Bytes of the structures above, by sub-operation. */
const sizes = memory.data<u8>([12, 12, 12, 4, 4, 24, 8, 8, 8, 4, 2, 24, 8, 8, 2]);

/** Writes a new port number back. If the guest cannot be written to the port stays allocated, as on Xen. */
function give_port(arg: u64, at: u32, port: i32): i32 {
  if (port < 0) return port;
  store<u32>(arg_copy, port);
  return copy_to_guest(arg + at, arg_copy, 4) ? -EFAULT : 0;
}

function alloc(arg: u64): i32 {
  const r = target_self(current_domain, load<u16>(arg_copy));
  if (r) return r;
  return give_port(arg, 4, alloc_unbound(current_domain, load<u16>(arg_copy, 2)));
}

function status(arg: u64): i32 {
  const r = target_self(current_domain, load<u16>(arg_copy));
  if (r) return r;
  if (port_status(current_domain, load<u32>(arg_copy, 4), arg_copy)) return -EINVAL;
  return copy_to_guest(arg, arg_copy, 24) ? -EFAULT : 0;
}

function unmask(port: u32): i32 {
  if (!port_valid(current_domain, port)) return -EINVAL;
  unmask_port(current_domain, port);
  return 0;
}

function reset(cont: bool): i32 {
  const r = target_self(current_domain, load<u16>(arg_copy));
  if (r) return r;
  if (cont) return -EBUSY; // no reset is ever left half done
  close_all(current_domain);
  return 0;
}

/** {control_mfn u64, offset u32, vcpu u32, link_bits u8 @16}: the last is told to the guest. */
function give_control(arg: u64): i32 {
  const mfn = load<u64>(arg_copy);
  const r = init_control(current_domain, mfn, load<u32>(arg_copy, 8), load<u32>(arg_copy, 12));
  if (r) return r;
  store<u8>(arg_copy, <u8> LINK_BITS, 16);
  return copy_to_guest(arg, arg_copy, 24) ? -EFAULT : 0;
}

function priority(port: u32, level: u32): i32 {
  if (!port_valid(current_domain, port)) return -EINVAL;
  return uses_fifo(current_domain) ? set_priority(current_domain, port, level) : -ENOSYS;
}

/**
 * @param cmd EVTCHNOP_*
 * @param arg guest address of its structure, into which new ports and states are written
 * @returns 0; -EFAULT for the structure; else as the rules in events/ say; -ENOSYS
 */
export function do_event_channel_op(cmd: u32, arg: u64): i32 {
  if (cmd > RESET_CONT) return -ENOSYS;
  if (copy_from_guest(arg_copy, arg, load<u8>(sizes + cmd))) return -EFAULT;
  const d = current_domain;
  const first = load<u32>(arg_copy);
  const second = load<u32>(arg_copy, 4);
  switch (cmd) {
    case BIND_INTERDOMAIN:
      return give_port(arg, 8, bind_interdomain(d, first & 0xffff, second));
    case BIND_VIRQ:
      return give_port(arg, 8, bind_virq(d, first, second));
    case BIND_PIRQ:
      return bind_pirq(first);
    case CLOSE:
      return close_port(d, first);
    case SEND:
      return send_port(d, first);
    case STATUS:
      return status(arg);
    case ALLOC_UNBOUND:
      return alloc(arg);
    case BIND_IPI:
      return give_port(arg, 4, bind_ipi(d, first));
    case BIND_VCPU:
      return bind_vcpu(d, first, second);
    case UNMASK:
      return unmask(first);
    case RESET:
      return reset(false);
    case RESET_CONT:
      return reset(true);
    case INIT_CONTROL:
      return give_control(arg);
    case EXPAND_ARRAY:
      return expand_array(d, load<u64>(arg_copy));
    default:
      return priority(first, second); // set_priority
  }
}

/** event_channel_op_compat: the same sub-operations up to unmask, behind a command word. */
export function do_event_channel_op_compat(arg: u64): i32 {
  if (copy_from_guest(arg_copy, arg, 28)) return -EFAULT;
  const cmd = load<u32>(arg_copy);
  return cmd > UNMASK ? -ENOSYS : do_event_channel_op(cmd, arg + 4);
}
