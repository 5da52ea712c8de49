// References: how the rest of the hypervisor says "I am using this frame" and "as this".
//
// Every count changes here and nowhere else. A use of a frame as a table is refused while anybody
// can write to it, and the other way round; a table is checked entry by entry when its first user
// comes and gives its own references back when the last one goes. Rules: Xen's
// xen/arch/x86/mm.c (get_page_type, put_page_type); shared/pv-abi.md §7.1, §7.3.
import { EINVAL } from "../errno";
import { devalidate, validate } from "../pagetables/validate";
import { tlb_drop_writers } from "../pagetables/tlb";
import { check_descriptor_page } from "../segments/check";
import { release_frame } from "./alloc";
import {
  mfn_valid,
  page,
  PG_VALIDATED,
  T_L1,
  T_L4,
  T_NONE,
  T_SEG_DESC,
  T_WRITABLE,
  TYPE_IDENTITY,
  WRITERS_SHIFT,
} from "./page";

/**
 * Takes a general reference to a frame.
 *
 * @param domid who must own it
 * @returns false, with nothing taken, if there is no such frame or it is another's
 */
// @ts-ignore: decorator
@inline export function get_page(mfn: u32, domid: u32): bool {
  if (!mfn_valid(mfn)) return false;
  const p = page(mfn);
  if (!p.count || p.owner != domid) return false;
  p.count++;
  return true;
}

/** Gives a general reference back; the frame is free when the last one goes. */
// @ts-ignore: decorator
@inline export function put_page(mfn: u32): void {
  const p = page(mfn);
  if (--p.count == 0) release_frame(mfn);
}

/**
 * Takes a type reference. The caller holds a general reference.
 *
 * @param type T_*, with PG_PAE_XEN_L2 for the L2 of slot 3. On a change of type the contents are
 *   checked, and table entries take references of their own.
 * @returns 0; -EINVAL while the frame is in use as something else; or what the check found wrong
 */
export function get_page_type(mfn: u32, type: u32): i32 {
  const p = page(mfn);
  const same = (p.type & TYPE_IDENTITY) == type;
  if (p.type_count != 0) {
    if (!same) return -EINVAL;
    p.type_count++;
    return 0;
  }
  if (!same) {
    if ((type & 0xff) != T_WRITABLE && p.type >> WRITERS_SHIFT) tlb_drop_writers(mfn);
    p.type = (p.type & ~(TYPE_IDENTITY | PG_VALIDATED)) | type;
  }
  p.type_count = 1;
  if (!(p.type & PG_VALIDATED)) {
    const result = check_contents(mfn, type);
    if (result != 0) {
      p.type_count = 0;
      p.type = (p.type & ~TYPE_IDENTITY) | T_NONE;
      return result;
    }
    p.type |= PG_VALIDATED;
  }
  return 0;
}

function check_contents(mfn: u32, type: u32): i32 {
  const t = type & 0xff;
  if (t >= T_L1 && t <= T_L4) return validate(mfn, type);
  if (t == T_SEG_DESC) return check_descriptor_page(mfn) ? 0 : -EINVAL;
  return 0;
}

/**
 * Gives a type reference back. The caller still holds a general one. With the last user gone a table
 * gives back what its entries referred to; its contents stay.
 */
export function put_page_type(mfn: u32): void {
  const p = page(mfn);
  if (--p.type_count != 0) return;
  const t = p.type & 0xff;
  if (t >= T_L1 && t <= T_L4) {
    p.type &= ~PG_VALIDATED;
    devalidate(mfn, p.type & TYPE_IDENTITY);
  }
}

/** get_page and get_page_type together: 0, -EINVAL for a frame that is not `domid`'s, or the check's error. */
// @ts-ignore: decorator
@inline export function get_page_and_type(mfn: u32, domid: u32, type: u32): i32 {
  return take_in_use(mfn, domid, type) ? 0 : take_page_and_type(mfn, domid, type);
}

/** Where somebody uses the frame as that already nothing is to be checked. @returns false with nothing taken */
// @ts-ignore: decorator
@inline function take_in_use(mfn: u32, domid: u32, type: u32): bool {
  if (!mfn_valid(mfn)) return false;
  const p = page(mfn);
  if (p.owner != domid || !p.type_count || (p.type & TYPE_IDENTITY) != type) return false;
  p.count++;
  p.type_count++;
  return true;
}

function take_page_and_type(mfn: u32, domid: u32, type: u32): i32 {
  if (!get_page(mfn, domid)) return -EINVAL;
  const result = get_page_type(mfn, type);
  if (result != 0) put_page(mfn);
  return result;
}

// @ts-ignore: decorator
@inline export function put_page_and_type(mfn: u32): void {
  const p = page(mfn);
  if (p.type_count > 1 && p.count > 1) { // others go on using it so
    p.count--;
    p.type_count--;
  } else give_page_and_type(mfn);
}

function give_page_and_type(mfn: u32): void {
  put_page_type(mfn);
  put_page(mfn);
}
