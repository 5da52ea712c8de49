// Xen's own CPUID leaves. Source: xen/include/public/arch-x86/cpuid.h, pv-abi.md §6.1.
import { machine_frames } from "../frames/page";
import { leaf } from "./cpuid";

const BASE: u32 = 0x40000000;
const LAST: u32 = 5;
/** Version 4.17, as xen_version gives it. */
const XEN_VERSION: u32 = 0x00040011;
const MSR_HYPERCALL_PAGE: u32 = 0x40000000;
/** The page-table hypercall that keeps A and D bits exists. */
const MMU_PT_UPDATE_PRESERVE_AD: u32 = 1;
const TSC_IS_SAFE: u32 = 2;
const HAS_RDTSCP: u32 = 4;
/** Frequency of the guest TSC in kHz: one tick a nanosecond (events/clock.ts). */
export const TSC_KHZ: u32 = 1000000;

function address_bits(): u32 {
  return 12 + (32 - clz<u32>(machine_frames));
}

/** Leaf `number` of the range that starts at 0x40000000; those above the last are zero. */
export function hypervisor_leaf(number: u32, index: u32): void {
  switch (number - BASE) {
    case 0:
      leaf(BASE + LAST, 0x566e6558, 0x65584d4d, 0x4d4d566e); // XenVMMXenVMM
      break;
    case 1:
      leaf(XEN_VERSION, 0, 0, 0);
      break;
    case 2:
      leaf(1, MSR_HYPERCALL_PAGE, MMU_PT_UPDATE_PRESERVE_AD, 0);
      break;
    case 3:
      if (index == 0) leaf(TSC_IS_SAFE | HAS_RDTSCP, 0, TSC_KHZ, 1);
      else if (index == 1) leaf(0, 0, 0x80000000, 1); // nanoseconds = ticks * 0.5 * 2
      else if (index == 2) leaf(TSC_KHZ, 0, 0, 0);
      break;
    case 5:
      if (index == 0) leaf(0, address_bits(), 0, 0);
      break;
  }
}
