// What a guest may put into a descriptor table. Source: xen/arch/x86/pv/descriptor-tables.c,
// pv-abi.md §8.3; the rewritten values were observed (golden lines desc.*).
import { frame_written } from "../cpu/code";
import { domain_by_id, OPT_XEN32_LIMITS } from "../domains/domain";
import { frame, page } from "../frames/page";
import { limit_segment, limited_high, limited_low } from "./limits_2007";
import { FIRST_RESERVED_ENTRY, FLAT_KERNEL_CS } from "./reserved";

const PRESENT: u32 = 0x8000;
const CODE_OR_DATA: u32 = 0x1000;
const TYPE: u32 = 0xf00;
const CALL_GATE: u32 = 0xc00;
const DPL: u32 = 0x6000;
const LONG: u32 = 0x200000;
const PAGE_UNITS: u32 = 0x800000;
/** Start of the hypervisor's hole: a flat segment that reaches into it is given all 4 GiB. */
const HOLE: u64 = 0xf5800000;

/** The descriptor as check_descriptor accepted it, with what it had to change. */
export let checked_low: u32 = 0;
export let checked_high: u32 = 0;

function gate_target_allowed(selector: u32): bool {
  return (selector & 4) != 0 || selector >> 3 < FIRST_RESERVED_ENTRY || selector == FLAT_KERNEL_CS;
}

/**
 * Decides whether a descriptor may stand in a guest's table, and in which form.
 *
 * Segments are raised to ring 1 at least; call gates get DPL 0 (so that each use faults and is
 * emulated) with their own DPL kept in the target selector's RPL.
 *
 * @param limited by the rules of 2007: segments end below the hypervisor, and gates stay usable as
 *   they are, their target's RPL raised to ring 1
 * @returns true with checked_low and checked_high set, or false for a refused one
 */
// @ts-ignore: decorator
@inline export function check_descriptor(low: u32, high: u32, limited: bool): bool {
  checked_low = low;
  checked_high = high;
  if (!(high & PRESENT)) return true;
  if (!(high & (CODE_OR_DATA | TYPE))) return true; // type 0 does nothing
  if (!(high & DPL)) high |= 1 << 13;
  if (high & CODE_OR_DATA) {
    if (limited) {
      if (!limit_segment(low, high)) return false;
      checked_low = limited_low;
      checked_high = limited_high;
      return true;
    }
    if (high & LONG) return false;
    const base = (low >> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
    let size = <u64> ((low & 0xffff) | (high & 0xf0000)) + 1;
    if (high & PAGE_UNITS) size <<= 12;
    if (base == 0 && size > HOLE) {
      low |= 0xffff;
      high |= 0xf0000;
    }
  } else {
    if ((high & TYPE) != CALL_GATE) return false;
    if (limited && !(low & 0x30000)) low |= 0x10000;
    if (!gate_target_allowed(low >> 16)) return false;
    const dpl = (high >> 13) & 3;
    if (!limited) {
      high &= ~DPL;
      low = (low & 0xfffcffff) | (dpl << 16);
    }
    if (high & 0xe0) return false;
  }
  checked_low = low;
  checked_high = high;
  return true;
}

/**
 * Validates a whole frame that is to become a descriptor table: all 512 entries, rewritten in place
 * where check_descriptor asks for it. Entries before a refused one stay rewritten.
 *
 * @returns false as soon as one is refused
 */
export function check_descriptor_page(mfn: u32): bool {
  const at = frame(mfn);
  const d = domain_by_id(page(mfn).owner);
  const limited = changetype<usize>(d) != 0 && (d.options & OPT_XEN32_LIMITS) != 0;
  let changed = false;
  let good = true;
  for (let offset: usize = 0; good && offset < 4096; offset += 8) {
    const low = load<u32>(at + offset);
    const high = load<u32>(at + offset + 4);
    good = check_descriptor(low, high, limited);
    if (good && (checked_low != low || checked_high != high)) {
      store<u32>(at + offset, checked_low);
      store<u32>(at + offset + 4, checked_high);
      changed = true;
    }
  }
  if (changed) frame_written(mfn, 0, 4096);
  return good;
}
