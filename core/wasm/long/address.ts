// Linear addresses of 64-bit code: canonical or not, which segments have a base, and which fault says
// so. Source: Intel SDM volume 1, 3.3.7.1 (canonical addresses); volume 3, 5.3.1.
import { aligned } from "../segments/address";
import { fault, GP, page_fault, seg_base, SS_ } from "../cpu/state";
import { FS, SS } from "../layout";

/** True if bits 63 to 47 of an address are all alike. */
// @ts-ignore: decorator
@inline export function canonical(address: u64): bool {
  return <i64> (address << 16) >> 16 == <i64> address;
}

/** True if all bytes of an access have canonical addresses. */
export function all_canonical(address: u64, size: u32): bool {
  return canonical(address) && canonical(address + size - 1);
}

/**
 * Checked linear address of a data access, as segment_address.
 *
 * @returns ~0 with #GP(0), #SS(0) or #AC(0) pending
 */
export function cpu_long_segment_address(seg: u32, offset: u64, size: u32, write: u32): u64 {
  const address = seg >= <u32> FS ? offset + seg_base(seg) : offset;
  if (!all_canonical(address, size)) {
    fault(seg == SS ? SS_ : GP, 0);
    return ~0;
  }
  // the last byte there is has the address that means failure here; nobody can map it
  if (address == ~0) page_fault(address, write ? 6 : 4);
  return aligned(address, size) ? address : ~0;
}

// ---- for tests: faults and traps come to the host ----------------------------------------------
/** Faults and traps are not delivered: the slice ends with them pending (long/door.ts). */
export let long_caught: bool = false;
export function long_catch(on: bool): void {
  long_caught = on;
}

/** A trap, as a fault that is pending with its return address. */
export function long_catch_trap(vector: u32): void {
  fault(vector, 0);
}
