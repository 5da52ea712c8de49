// Offsets to linear addresses, with the segment's type and limit: the way of every access that is
// not known to be flat. Source: Intel SDM volume 3, 5.3 (limit checking) and 5.4 (type checking).
import {
  AC_,
  alignment_checked,
  ATTR_D,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  ATTR_TYPE_W,
  fault,
  GP,
  seg_attr,
  seg_base,
  seg_limit,
  SS_,
} from "../cpu/state";
import { CS, SS } from "../layout";

function refused(seg: u32): u64 {
  fault(seg == SS ? SS_ : GP, 0);
  return ~0;
}

/** True when bytes offset..offset+size-1 lie inside a segment of these attributes and this limit. */
export function within_limit(attr: u32, limit: u32, offset: u32, size: u32): bool {
  const last = <u64> offset + size - 1;
  if ((attr & (ATTR_TYPE_CODE | ATTR_TYPE_E)) == ATTR_TYPE_E) {
    return offset > limit && last <= (attr & ATTR_D ? <u64> 0xffffffff : <u64> 0xffff);
  }
  // An access over the end of 4 GiB is a violation too: the manual leaves it open, processors refuse.
  return last <= limit;
}

/**
 * Checked linear address of a data access.
 *
 * @param size bytes touched, at least 1
 * @returns the address, or ~0 with #GP(0) or #SS(0) pending
 */
export function segment_address(seg: u32, offset: u32, size: u32, write: bool): u64 {
  const attr = seg_attr(seg);
  if (attr == 0) return refused(seg); // a null selector
  const kind = attr & (ATTR_TYPE_CODE | ATTR_TYPE_W);
  if (write ? kind != ATTR_TYPE_W : kind == ATTR_TYPE_CODE) return refused(seg);
  if (!within_limit(attr, seg_limit(seg), offset, size)) return refused(seg);
  const linear = (seg_base(seg) + offset) & 0xffffffff;
  if (!aligned(linear, size)) return ~0;
  return linear;
}

/**
 * The alignment check of an access that is one number: those of 2, 4 and 8 bytes.
 *
 * @returns false with #AC(0) pending
 */
export function aligned(linear: u64, size: u32): bool {
  if (!alignment_checked || size > 8 || (size & (size - 1)) || !(linear & (size - 1))) return true;
  return fault(AC_, 0);
}

/** Whether so many bytes of code at eip lie inside CS. */
export function fetch_within_limit(eip: u64, length: u32): bool {
  return eip + length - 1 <= seg_limit(CS) || (seg_limit(CS) == 0xffffffff && eip <= 0xffffffff);
}

/**
 * Whether an instruction at eip lies inside CS.
 *
 * @param length bytes the instruction takes
 * @returns false with #GP(0) pending
 */
export function fetch_limit_ok(eip: u64, length: u32): bool {
  return fetch_within_limit(eip, length) || fault(GP, 0);
}
