// Linear addresses of 64-bit code: canonical or not, which segments have a base, and which fault says
// so. Source: Intel SDM volume 1, 3.3.7.1 (canonical addresses); volume 3, 5.3.1.
import { aligned } from "../segments/address";
import { fault, GP, page_fault, seg_base, SS_ } from "../cpu/state";
import { C_FAULT, CPU, FS, REC_SEG, SS } from "../layout";

/** True if bits 63 to 47 of an address are all alike. */
// @ts-ignore: decorator
@inline export function canonical(address: u64): bool {
  return <i64> (address << 16) >> 16 == <i64> address;
}

/** A fault of the instruction at work that depends on the segment its record names. */
let by_segment: bool = false;

/**
 * Whether an access may go on to the page tables; else #GP(0) or #SS(0) is pending.
 *
 * @param stack the address is the stack pointer's; otherwise long_fault_segment decides
 */
export function long_address_ok(address: u64, size: u32, stack: bool): bool {
  if (canonical(address) && canonical(address + size - 1)) return true;
  by_segment = !stack;
  return fault(stack ? SS_ : GP, 0);
}

/** A fast access does not know its segment; the record does: #GP becomes #SS if it is SS. */
export function long_fault_segment(rec: u32): void {
  if (!by_segment) return;
  by_segment = false;
  if (load<u32>(CPU + C_FAULT) == GP && load<u8>(rec + REC_SEG) == SS) fault(SS_, 0);
}

/**
 * Checked linear address of a data access, as segment_address.
 *
 * @returns ~0 with #GP(0), #SS(0) or #AC(0) pending
 */
export function cpu_long_segment_address(seg: u32, offset: u64, size: u32, write: u32): u64 {
  const address = seg >= <u32> FS ? offset + seg_base(seg) : offset;
  if (!canonical(address) || !canonical(address + size - 1)) {
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
