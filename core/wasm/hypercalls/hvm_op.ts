// hvm_op as a PV domain meets it: nothing here is for it, and each sub-operation says so in its own
// way (xen/arch/x86/hvm/hvm.c; numbers as seen on Xen 4.17.7).
import { DOM_DEAD, domain_by_id, DOMID_SELF } from "../domains/domain";
import { EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../errno";
import { copy_from_guest } from "../pagetables/guest_copy";

const SET_PARAM: u32 = 0;
const GET_PARAM: u32 = 1;
const FLUSH_TLBS: u32 = 5;
const PAGETABLE_DYING: u32 = 9;
const GET_TIME: u32 = 10;
const XENTRACE: u32 = 11;
const GET_MEM_TYPE: u32 = 15;
const SET_EVTCHN_UPCALL_VECTOR: u32 = 23;
const GUEST_REQUEST_VM_EVENT: u32 = 24;
const ALTP2M: u32 = 25;

const PARAMS: u32 = 39; // HVM_NR_PARAMS
const EVENTS: u32 = 0x1000; // trace events a guest may choose among
const EXTRA: u32 = 28; // most bytes of data with one

const buffer = memory.data(32);

/** Only HVM domains have what is asked for; who does not exist is found out before. */
function needs_hvm(domid: u32): i32 {
  if (domid != DOMID_SELF && domid != 0) {
    const d = domain_by_id(domid);
    if (!changetype<usize>(d) || d.state == DOM_DEAD) return -ESRCH;
  }
  return -EINVAL;
}

function param(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  if (load<u32>(buffer, 4) >= PARAMS) return -EINVAL;
  return needs_hvm(load<u16>(buffer));
}

function domain_only(arg: u64): i32 {
  return copy_from_guest(buffer, arg, 8) ? -EFAULT : needs_hvm(load<u16>(buffer));
}

/** {event u16, extra_bytes u16, data}: tracing is off, so a well-formed event goes nowhere. */
function xentrace(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 32)) return -EFAULT;
  return load<u16>(buffer, 2) > EXTRA || load<u16>(buffer) >= EVENTS ? -EINVAL : 0;
}

/** @returns 0 or a negative errno, see each sub-operation */
export function do_hvm_op(cmd: u32, arg: u64): i32 {
  switch (cmd) {
    case SET_PARAM:
    case GET_PARAM:
      return param(arg);
    case PAGETABLE_DYING:
    case GET_MEM_TYPE:
      return domain_only(arg);
    case FLUSH_TLBS:
      return arg ? -EINVAL : -EPERM;
    case GET_TIME:
      return 0;
    case XENTRACE:
      return xentrace(arg);
    case SET_EVTCHN_UPCALL_VECTOR:
      return copy_from_guest(buffer, arg, 8) ? -EFAULT : -EINVAL;
    case GUEST_REQUEST_VM_EVENT:
      return arg ? -EINVAL : 0;
    case ALTP2M:
      return -EOPNOTSUPP;
    default:
      return -ENOSYS;
  }
}
