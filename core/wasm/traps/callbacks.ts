// Event, failsafe and NMI callbacks. Source: xen/arch/x86/pv/callback.c, pv-abi.md §4.2; the result
// of each type was observed (golden lines cb.*).
import { current } from "../domains/domain";
import { EFAULT, EINVAL, ENOSYS } from "../errno";
import { copy_from_guest } from "../pagetables/guest_copy";
import { FLAT_KERNEL_CS } from "../segments/reserved";
import { kernel_rpl, TRAP_MASKS_EVENTS, trap_set } from "./table";

const CALLBACKTYPE_EVENT: u32 = 0;
const CALLBACKTYPE_FAILSAFE: u32 = 1;
const CALLBACKTYPE_NMI: u32 = 4;
const CALLBACKTYPE_SYSENTER: u32 = 5;
const CALLBACKTYPE_SYSCALL32: u32 = 7;
const CALLBACKF_MASK_EVENTS: u32 = 1;
const VECTOR_NMI: u32 = 2;

const argument = memory.data(16);

function set_event(cs: u32, address: u32): void {
  current.event_cs = kernel_rpl(cs);
  current.event_eip = address;
}

function set_failsafe(cs: u32, address: u32, flags: u32): void {
  current.failsafe_cs = kernel_rpl(cs);
  current.failsafe_eip = address;
  current.failsafe_flags = flags;
}

/** The NMI handler is trap table entry 2, always entered through the flat kernel CS with events masked. */
function set_nmi(address: u32): i32 {
  trap_set(VECTOR_NMI, TRAP_MASKS_EVENTS, FLAT_KERNEL_CS, address);
  return 0;
}

function clear_nmi(): i32 {
  trap_set(VECTOR_NMI, 0, 0, 0);
  return 0;
}

/** Hypercall set_callbacks: always 0, whatever the addresses. */
export function do_set_callbacks(ev_cs: u32, ev_eip: u32, fs_cs: u32, fs_eip: u32): i32 {
  set_event(ev_cs, ev_eip);
  set_failsafe(fs_cs, fs_eip, 0);
  return 0;
}

function register(arg: u64): i32 {
  if (copy_from_guest(argument, arg, 12) != 0) return -EFAULT;
  const flags = load<u16>(argument, 2);
  const cs = load<u32>(argument, 4);
  const address = load<u32>(argument, 8);
  switch (<u32> load<u16>(argument)) {
    case CALLBACKTYPE_EVENT:
      set_event(cs, address);
      return 0;
    case CALLBACKTYPE_FAILSAFE:
      set_failsafe(cs, address, flags & CALLBACKF_MASK_EVENTS);
      return 0;
    case CALLBACKTYPE_NMI:
      return set_nmi(address);
    // Accepted, and never called: this processor has neither SYSENTER nor a 32-bit SYSCALL.
    case CALLBACKTYPE_SYSENTER:
    case CALLBACKTYPE_SYSCALL32:
      return 0;
    default:
      return -ENOSYS;
  }
}

function unregister(arg: u64): i32 {
  if (copy_from_guest(argument, arg, 4) != 0) return -EFAULT;
  switch (<u32> load<u16>(argument)) {
    case CALLBACKTYPE_NMI:
      return clear_nmi();
    case CALLBACKTYPE_EVENT:
    case CALLBACKTYPE_FAILSAFE:
    case CALLBACKTYPE_SYSENTER:
    case CALLBACKTYPE_SYSCALL32:
      return -EINVAL;
    default:
      return -ENOSYS;
  }
}

/**
 * Hypercall callback_op.
 *
 * @param cmd 0 register, 1 unregister
 * @param arg guest address of {type u16, flags u16, cs u32, eip u32}, or {type u16, pad u16}
 * @returns 0, -EFAULT, -ENOSYS (unknown type), -EINVAL (unknown command, not to be unregistered)
 */
export function do_callback_op(cmd: u32, arg: u64): i32 {
  if (cmd == 0) return register(arg);
  if (cmd == 1) return unregister(arg);
  return -EINVAL;
}

/**
 * Hypercall nmi_op.
 *
 * @param cmd 0 register (arg: guest address of the handler's address), 1 unregister
 * @returns 0, -EFAULT, -ENOSYS
 */
export function do_nmi_op(cmd: u32, arg: u64): i32 {
  if (cmd == 1) return clear_nmi();
  if (cmd != 0) return -ENOSYS;
  if (copy_from_guest(argument, arg, 8) != 0) return -EFAULT;
  return set_nmi(load<u32>(argument));
}
