// Base pointers: which top-level table a vCPU walks, and pins, which keep a table checked while no
// vCPU does.
import { note_tlb_change } from "../cpu/state";
import { EINVAL } from "../errno";
import { current, Domain, domain_by_id, Vcpu } from "../domains/domain";
import { page, PG_PINNED, T_L1, T_L2, T_L3, T_L4 } from "../frames/page";
import { get_page, get_page_and_type, put_page, put_page_and_type } from "../frames/refs";
import { forget_known } from "../segments/known";
import { drop_ldt } from "../segments/ldt";
import { address_space_enter } from "./address_space";

/**
 * NEW_BASEPTR and MOV to CR3: takes a frame as the vCPU's top-level table and gives the old one back.
 * The same table again is a flush. LDT pages are let go, as after every change of address space.
 *
 * @returns 0; -EINVAL for a frame that is not the domain's or is in use as something else, or what is
 *   wrong with its contents; the old table stays then (Xen: new_guest_cr3)
 */
// @ts-ignore: decorator
@inline export function load_cr3(v: Vcpu, mfn: u32): i32 {
  const old = v.cr3_mfn;
  if (mfn != old) {
    const result = get_page_and_type(mfn, changetype<Domain>(v.domain).id, T_L3);
    if (result != 0) return result;
    v.cr3_mfn = mfn;
  }
  if (v.ldt_entries) drop_ldt(v);
  if (mfn != old && old) put_page_and_type(old);
  if (v === current) address_space_enter(v);
  return 0;
}

/** The scheduler made a vCPU current: its registers are in place, and now its address space is. */
export function switch_address_space(v: Vcpu): void {
  forget_known();
  note_tlb_change(); // C_TLB_TAG came with the registers, so that address_space_enter does not see the change
  address_space_enter(v);
}

/** Leaves a vCPU without a table: its domain ends, and it is not the one that runs. */
export function drop_table(v: Vcpu): void {
  const old = v.cr3_mfn;
  v.cr3_mfn = 0;
  if (old) put_page_and_type(old);
}

/**
 * Pins a frame as a table: it is checked now and stays a table until unpinned.
 *
 * @param level 1 to 3; 4 does nothing in a 32-bit domain
 * @returns 0; -EINVAL if it is not the domain's, is pinned, or is in use as something else; or what
 *   is wrong with its contents (Xen: do_mmuext_op, MMUEXT_PIN_L1_TABLE)
 */
export function pin_table(mfn: u32, level: u32, domid: u32): i32 {
  if (level == T_L4) return 0;
  const result = get_page_and_type(mfn, domid, level == 1 ? T_L1 : level == 2 ? T_L2 : T_L3);
  if (result != 0) return result;
  const p = page(mfn);
  if (p.type & PG_PINNED) {
    put_page_and_type(mfn);
    return -EINVAL;
  }
  p.type |= PG_PINNED;
  return 0;
}

/** Takes a pin off: 0, or -EINVAL if the frame is not the domain's or not pinned. */
export function unpin_table(mfn: u32, domid: u32): i32 {
  if (!get_page(mfn, domid)) return -EINVAL;
  const p = page(mfn);
  const pinned = (p.type & PG_PINNED) != 0;
  if (pinned) {
    p.type &= ~PG_PINNED;
    put_page_and_type(mfn);
  }
  put_page(mfn);
  return pinned ? 0 : -EINVAL;
}

/** pin_table for the host: -EINVAL also for a level that is none, or no such domain. */
export function domain_pin(domid: u32, level: u32, mfn: u32): i32 {
  if (!changetype<usize>(domain_by_id(domid)) || level < 1 || level > 3) return -EINVAL;
  return pin_table(mfn, level, domid);
}
