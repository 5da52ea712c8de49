// The descriptor rules of the 32-bit Xen of 2007, which guarded the hypervisor's part of the address
// space by segment limits: no segment may reach it. A domain option (OPT_XEN32_LIMITS) brings them
// back. Source: pv-abi.md §8.6.
import { frame_written } from "../cpu/code";
import { current_domain, OPT_XEN32_LIMITS } from "../domains/domain";
import { MACHINE } from "../layout";
import { desc_at, desc_base, desc_high, desc_low, read_descriptor } from "./descriptor";
import { FIRST_RESERVED_ENTRY } from "./reserved";

/** First linear address that no segment may reach: behind the part of the machine-to-phys table that guests read. */
export const SEGMENT_END: u32 = 0xf6800000;
const PAGE: u32 = 4096;

const GROWS_DOWN: u32 = 0x400;
const CODE: u32 = 0x800;
const PAGE_UNITS: u32 = 0x800000;
/** A present 32-bit data segment of ring 3 with its limit in pages, and the bits that say so. */
const USER_DATA: u32 = 0xc0f000;
const USER_DATA_MASK: u32 = 0xc0f800;

/** Whether the running domain lives by these rules. */
// @ts-ignore: decorator
@inline export function limits_2007(): bool {
  return (current_domain.options & OPT_XEN32_LIMITS) != 0;
}

/** A descriptor's words as limit_segment leaves them. */
export let limited_low: u32 = 0;
export let limited_high: u32 = 0;

/** Puts a size in bytes, whole pages of it, into a descriptor's limit. */
function put_size(low: u32, high: u32, bytes: u32): void {
  const limit = (bytes >> 12) - 1;
  limited_low = (low & 0xffff0000) | (limit & 0xffff);
  limited_high = (high & 0xfff0ffff) | (limit & 0xf0000);
}

/**
 * Keeps a code or data segment off the hypervisor, by a shorter limit where need be.
 *
 * @returns false for one that cannot be mended: its base is too high, or its limit in bytes
 */
export function limit_segment(low: u32, high: u32): bool {
  limited_low = low;
  limited_high = high;
  const base = (low >> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
  if (base >= SEGMENT_END - PAGE) return false;
  let size = <u64> ((low & 0xffff) | (high & 0xf0000)) + 1;
  if (high & PAGE_UNITS) size <<= 12;
  const end = base + size;
  let wanted: u32 = 0;
  if ((high & (CODE | GROWS_DOWN)) == GROWS_DOWN) {
    // It begins where others end: it must begin before offsets go round to address 0.
    if (end <= 0xffffffff) return true;
    wanted = 0 - (base & ~(PAGE - 1));
  } else {
    if (end <= SEGMENT_END) return true;
    wanted = SEGMENT_END - base;
  }
  if (!(high & PAGE_UNITS)) return false;
  put_size(low, high, wanted);
  return true;
}

/**
 * Turns a segment that means to be 4 GiB long the other way round, for an offset that it does not
 * reach: one that grows up to the hypervisor cannot have negative offsets, one that grows down from
 * there cannot have others. The 4gb_segments assist does so at need, for data of ring 3.
 *
 * @param selector as loaded; Xen's own segments are left alone
 * @param offset what the access was to reach, as a signed number
 * @returns whether the descriptor was changed in its table
 */
export function turn_segment(selector: u32, offset: i32): bool {
  if (!(selector & 4) && selector >> 3 >= FIRST_RESERVED_ENTRY) return false;
  if (!(selector & 0xfffc) || !read_descriptor(selector)) return false;
  if ((desc_high & USER_DATA_MASK) != USER_DATA) return false;
  const base = desc_base();
  const size = <u64> ((desc_low & 0xffff) | (desc_high & 0xf0000)) + 1 << 12;
  if (desc_high & GROWS_DOWN) {
    if (offset < 0 || <u32> (base + size) >= PAGE) return false;
    put_size(desc_low, desc_high, SEGMENT_END - base);
  } else {
    if (offset >= 0 || base + size + PAGE <= SEGMENT_END) return false;
    put_size(desc_low, desc_high, 0 - (base & ~(PAGE - 1)));
  }
  store<u32>(desc_at, limited_low);
  store<u32>(desc_at, limited_high ^ GROWS_DOWN, 4);
  const address = desc_at - <usize> MACHINE;
  frame_written(<u32> (address >> 12), <u32> (address & 0xfff), 8);
  current_domain.descriptor_changes++;
  return true;
}
