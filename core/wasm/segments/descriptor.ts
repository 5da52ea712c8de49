// From a selector to its descriptor, wherever that lies: guest GDT frames, Xen's page, the LDT.
import { frame_written } from "../cpu/code";
import { ATTR_G, ATTR_TYPE_A, set_segment } from "../cpu/state";
import { current } from "../domains/domain";
import { frame } from "../frames/page";
import { MACHINE } from "../layout";
import { ldt_descriptor } from "./ldt";
import { limits_2007 } from "./limits_2007";
import { FIRST_RESERVED_ENTRY, reserved_descriptor } from "./reserved";

/** The descriptor read last, and its host address. */
export let desc_low: u32 = 0;
export let desc_high: u32 = 0;
export let desc_at: usize = 0;

/** Descriptor attributes: bits 8..23 of the high word without the limit's nibble. */
export const ATTR_MASK: u32 = 0x00f0ff00;

/**
 * Reads the descriptor that a selector names (its RPL plays no part) into desc_low and desc_high.
 *
 * @returns false when the selector lies beyond its table; or, with a #PF pending, when the LDT page
 *   that should hold it cannot be used (pv-abi.md §8.5)
 */
export function read_descriptor(selector: u32): bool {
  const index = (selector & 0xffff) >> 3;
  let at: usize = 0;
  if (selector & 4) at = ldt_descriptor(index);
  else if (index >= FIRST_RESERVED_ENTRY) at = reserved_descriptor(index, limits_2007());
  else {
    const mfn = load<u32>(current.gdt_frames + (<usize> (index >> 9) << 2));
    if (mfn) at = frame(mfn) + (<usize> (index & 511) << 3);
  }
  if (!at) return false;
  desc_at = at;
  desc_low = load<u32>(at);
  desc_high = load<u32>(at + 4);
  return true;
}

/** Base address that the descriptor read last gives its segment. */
export function desc_base(): u32 {
  return (desc_low >> 16) | ((desc_high & 0xff) << 16) | (desc_high & 0xff000000);
}

/** Limit of the descriptor read last, in bytes. */
export function desc_limit(): u32 {
  const limit = (desc_low & 0xffff) | (desc_high & 0xf0000);
  return desc_high & ATTR_G ? (limit << 12) | 0xfff : limit;
}

/** Ring that the descriptor read last belongs to. */
export function desc_dpl(): u32 {
  return (desc_high >> 13) & 3;
}

/** Sets the accessed bit of the descriptor read last, in its table. */
export function mark_accessed(): void {
  if (desc_high & ATTR_TYPE_A) return;
  desc_high |= ATTR_TYPE_A;
  store<u32>(desc_at + 4, desc_high);
  if (desc_at >= <usize> MACHINE) {
    const address = desc_at - <usize> MACHINE;
    frame_written(<u32> (address >> 12), <u32> (address & 0xfff) + 4, 4);
  }
}

/** Puts the descriptor read last into a segment register; nothing is checked, call update_mode() after. */
export function segment_from_descriptor(seg: u32, selector: u32): void {
  set_segment(seg, selector, desc_high & ATTR_MASK, desc_base(), desc_limit());
}
