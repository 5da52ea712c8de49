// Where shared_info and vcpu_info keep what both sides write (public/xen.h, 32-bit layout).
//
// The guest may store anything here at any time: nothing read from these places is ever trusted
// beyond the one bit it stands for.
import { Domain, Vcpu } from "../domains/domain";
import { frame } from "../frames/page";

export const VCPU_INFO_SIZE: u32 = 64;
export const INFO_PENDING: usize = 0; // u8
export const INFO_MASK: usize = 1; // u8: any non-zero value masks
export const INFO_SEL: usize = 4; // u32: words of the pending bitmap worth looking at
export const INFO_CR2: usize = 8;
export const INFO_TIME: usize = 0x20;

const PENDING: usize = 0x800;
const MASK: usize = 0x880;
export const WC_VERSION: usize = 0x900;
export const WC_SEC: usize = 0x904;
export const WC_NSEC: usize = 0x908;
export const WC_SEC_HI: usize = 0x924;

/** Host address of a domain's shared_info page. */
// @ts-ignore: decorator
@inline export function shared_info(d: Domain): usize {
  return frame(d.shared_info_mfn);
}

function test(map: usize, port: u32): bool {
  return ((load<u32>(map + ((port >> 5) << 2)) >> (port & 31)) & 1) != 0;
}
function test_and_set(map: usize, port: u32): bool {
  const p = map + ((port >> 5) << 2);
  const word = load<u32>(p);
  const bit: u32 = 1 << (port & 31);
  store<u32>(p, word | bit);
  return (word & bit) != 0;
}
function test_and_clear(map: usize, port: u32): bool {
  const p = map + ((port >> 5) << 2);
  const word = load<u32>(p);
  const bit: u32 = 1 << (port & 31);
  store<u32>(p, word & ~bit);
  return (word & bit) != 0;
}

export function is_pending(d: Domain, port: u32): bool {
  return test(shared_info(d) + PENDING, port);
}
export function is_masked(d: Domain, port: u32): bool {
  return test(shared_info(d) + MASK, port);
}
/** Sets the pending bit; true if it was set already. */
export function test_and_set_pending(d: Domain, port: u32): bool {
  return test_and_set(shared_info(d) + PENDING, port);
}
export function clear_pending(d: Domain, port: u32): void {
  test_and_clear(shared_info(d) + PENDING, port);
}
/** Clears the mask bit; true if it was set. */
export function test_and_clear_mask(d: Domain, port: u32): bool {
  return test_and_clear(shared_info(d) + MASK, port);
}
/** Marks a port's word in the vCPU's selector; true if it was marked already. */
export function test_and_set_sel(v: Vcpu, port: u32): bool {
  return test_and_set(v.vcpu_info + INFO_SEL, port >> 5);
}

/** A domain's event upcall is due on this vCPU: something is pending and the mask byte is zero. */
// @ts-ignore: decorator
@inline export function upcall_due(v: Vcpu): bool {
  return load<u8>(v.vcpu_info + INFO_PENDING) != 0 && load<u8>(v.vcpu_info + INFO_MASK) == 0;
}
