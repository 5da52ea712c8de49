// A frame becomes a table, and stops being one.
//
// Becoming a table means that every present entry is checked and takes its references; if one is
// refused, those before it give theirs back and the frame is no table. A table's type counts bound
// the recursion: level n only ever asks for level n - 1. Rules: xen/arch/x86/mm.c (alloc_l1_table to
// alloc_l3_table, free_*); shared/pv-abi.md §7.3.
import { EINVAL } from "../errno";
import { frame_written } from "../cpu/code";
import { current, Domain, domain_by_id } from "../domains/domain";
import { charge } from "../events/clock";
import { frame, page, PG_PAE_XEN_L2, T_L1, T_L2, T_L3 } from "../frames/page";
import { tables_changed } from "./address_space";
import { A, entry_mfn, entry_write, FIRST_XEN_SLOT, P, RW, US } from "./pte";
import {
  drop_l1_target,
  drop_l2_target,
  drop_l3_target,
  take_l1_target,
  take_l2_target,
  take_l3_target,
} from "./targets";
import { xen_entries_write } from "./xen_entries";

/** ns that going through a table is taken to last, charged to the slice at work. */
const COST: u32 = 4000;

/**
 * Checks the contents of a frame that is to be a table.
 *
 * @param type T_L1 to T_L3, with PG_PAE_XEN_L2 for slot 3's L2
 * @returns 0, or the error of the first entry that is refused, with no reference taken
 */
export function validate(mfn: u32, type: u32): i32 {
  const d = domain_by_id(page(mfn).owner);
  if (!changetype<usize>(d)) return -EINVAL;
  if (changetype<usize>(current)) charge(COST);
  const level = type & 0xff;
  if (level == T_L1) return validate_l1(mfn, d);
  if (level == T_L2) return validate_l2(mfn, guest_slots(type), d);
  if (level == T_L3) return validate_pae_l3(mfn, d);
  return -EINVAL; // a 32-bit guest has no L4
}

/** Gives back what the entries of a frame that is no table any more refer to. */
export function devalidate(mfn: u32, type: u32): void {
  const d = domain_by_id(page(mfn).owner);
  tables_changed(d);
  if (changetype<usize>(current)) charge(COST);
  const level = type & 0xff;
  if (level == T_L1) drop_l1(mfn, 512, d);
  else if (level == T_L2) drop_l2(mfn, guest_slots(type));
  else if (level == T_L3) drop_pae_l3(mfn, 4);
}

/** Entries of an L2 that are the guest's. */
// @ts-ignore: decorator
@inline

export function guest_slots(type: u32): u32 {
  return type & PG_PAE_XEN_L2 ? FIRST_XEN_SLOT : 512;
}

function validate_l1(mfn: u32, d: Domain): i32 {
  const at = frame(mfn);
  for (let i: u32 = 0; i < 512; i++) {
    const e = load<u64>(at + (<usize> i << 3));
    if (!(e & P)) continue;
    const result = take_l1_target(e, d.id);
    if (result != 0) {
      drop_l1(mfn, i, d);
      return result;
    }
  }
  return 0;
}

function drop_l1(mfn: u32, count: u32, d: Domain): void {
  const at = frame(mfn);
  for (let i: u32 = 0; i < count; i++) {
    const e = load<u64>(at + (<usize> i << 3));
    if (e & P) drop_l1_target(e, d);
  }
}

function validate_l2(mfn: u32, slots: u32, d: Domain): i32 {
  const at = frame(mfn);
  for (let i: u32 = 0; i < slots; i++) {
    const e = load<u64>(at + (<usize> i << 3));
    if (!(e & P)) continue;
    const result = take_l2_target(e, mfn, d);
    if (result != 0) {
      drop_l2(mfn, i);
      return result;
    }
  }
  return 0;
}

function drop_l2(mfn: u32, count: u32): void {
  const at = frame(mfn);
  for (let i: u32 = 0; i < count; i++) {
    const e = load<u64>(at + (<usize> i << 3));
    if (e & P) drop_l2_target(e, mfn);
  }
}

/**
 * A PAE L3: 4 entries, the rest of the page is zeroed first. Slot 3 must be there, its L2 must have
 * no other user, and gets the hypervisor's entries.
 */
function validate_pae_l3(mfn: u32, d: Domain): i32 {
  const at = frame(mfn);
  memory.fill(at + 32, 0, 4096 - 32);
  if (page(mfn).code) frame_written(mfn, 32, 4096 - 32);
  for (let i: u32 = 0; i < 4; i++) {
    const e = load<u64>(at + (<usize> i << 3));
    let result: i32 = 0;
    if (e & P) result = take_l3_target(e, i, d);
    else if (i == 3) result = -EINVAL;
    else continue;
    if (result != 0) {
      drop_pae_l3(mfn, i);
      return result;
    }
    entry_write(at + (<usize> i << 3), pae_l3_in_use(e));
  }
  const l2 = <u32> entry_mfn(load<u64>(at + 24));
  if (page(l2).type_count != 1) {
    drop_pae_l3(mfn, 4);
    return -EINVAL;
  }
  xen_entries_write(l2);
  return 0;
}

function drop_pae_l3(mfn: u32, count: u32): void {
  const at = frame(mfn);
  for (let i: u32 = 0; i < count; i++) {
    const e = load<u64>(at + (<usize> i << 3));
    if (!(e & P)) continue;
    entry_write(at + (<usize> i << 3), e & ~(US | RW | A));
    drop_l3_target(e);
  }
}

/** A present PAE L3 entry as it stands while its table is in use. */
// @ts-ignore: decorator
@inline

export function pae_l3_in_use(e: u64): u64 {
  return e & P ? e | US | RW : e;
}
