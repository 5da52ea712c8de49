// Guest memory that the hypervisor keeps writing to: vcpu_info in a frame of the guest's choice, and
// the runstate and time areas at linear addresses (xen/common/domain.c; shared/pv-abi.md §9.7).
import { current, Domain, Vcpu, VCPU_DOWN } from "../domains/domain";
import { EFAULT, EINVAL, ENXIO } from "../errno";
import { INFO_PENDING, INFO_SEL, VCPU_INFO_SIZE } from "../events/bits";
import { runstate_publish, RUNSTATE_SIZE } from "../events/runstate";
import { frame, T_WRITABLE } from "../frames/page";
import { get_page_and_type } from "../frames/refs";
import { copy_from_guest } from "../pagetables/guest_copy";

const HOLE: u64 = 0xf5800000;
const PAGE: u32 = 4096;
const TIME_SIZE: u32 = 32;

const buffer = memory.data(16);

/**
 * VCPUOP_register_vcpu_info: moves a vCPU's vcpu_info to a frame of its domain, once and for good
 * (the frame stays writable for ever). Everything is marked pending, since the guest may have missed
 * something: one spurious upcall.
 *
 * @param arg guest address of {u64 mfn, u32 offset, u32 reserved}
 * @returns 0; -EFAULT; -ENXIO offset crosses the page's end or is not a multiple of 4; -EINVAL
 *   second time, another vCPU that is up, or a frame that is not this domain's to write
 */
export function register_vcpu_info(v: Vcpu, arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  const mfn = load<u64>(buffer);
  const offset = load<u32>(buffer, 8);
  if (offset > PAGE - VCPU_INFO_SIZE || offset & 3) return -ENXIO;
  if (v.vcpu_info_mfn) return -EINVAL;
  if (v != current && v.state != VCPU_DOWN) return -EINVAL;
  if (mfn >> 32 || get_page_and_type(<u32> mfn, changetype<Domain>(v.domain).id, T_WRITABLE)) {
    return -EINVAL;
  }
  const info = frame(<u32> mfn) + offset;
  memory.copy(info, v.vcpu_info, VCPU_INFO_SIZE);
  v.vcpu_info = info;
  v.vcpu_info_mfn = <u32> mfn;
  store<u8>(info + INFO_PENDING, 1);
  store<u32>(info + INFO_SEL, 0xffffffff);
  return 0;
}

/** Reads an 8-byte handle, of which a 32-bit guest uses the low half; -EFAULT if `size` bytes at it reach the hole. */
function read_handle(arg: u64, size: u32): i32 {
  if (copy_from_guest(buffer, arg, 8)) return -EFAULT;
  return <u64> load<u32>(buffer) + size > HOLE ? -EFAULT : 0;
}

/** VCPUOP_register_runstate_memory_area: 0 ends it. What is not mapped is found out silently, later. */
export function register_runstate_area(v: Vcpu, arg: u64): i32 {
  const r = read_handle(arg, RUNSTATE_SIZE);
  if (r) return r;
  v.runstate_area = load<u32>(buffer);
  runstate_publish(v);
  return 0;
}

/** VCPUOP_register_vcpu_time_memory_area: a second copy of the vCPU's pvclock; 0 ends it. */
export function register_time_area(v: Vcpu, arg: u64): i32 {
  const r = read_handle(arg, TIME_SIZE);
  if (r) return r;
  v.time_area = load<u32>(buffer);
  return 0;
}
