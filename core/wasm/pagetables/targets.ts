// What an entry refers to: taking the references it stands for, and giving them back.
//
// An L1 entry takes a general reference to its frame, and a writable one if it has RW; an entry above
// takes its target as the table of the next level down. Rules and errors: xen/arch/x86/mm.c
// (get_page_from_l1e and its kin); shared/pv-abi.md §7.2, §7.3.
import { EBUSY, EINVAL, EPERM } from "../errno";
import { Domain, vcpu_of } from "../domains/domain";
import {
  mfn_valid,
  page,
  PG_PAE_XEN_L2,
  PG_VALIDATED,
  T_L1,
  T_L2,
  T_SEG_DESC,
  T_WRITABLE,
} from "../frames/page";
import {
  get_page,
  get_page_and_type,
  get_page_type,
  put_page,
  put_page_and_type,
} from "../frames/refs";
import { drop_ldt } from "../segments/ldt";
import { entry_mfn, L1_FORBIDDEN, L2_FORBIDDEN, P, PAE_L3_FORBIDDEN, RW } from "./pte";

const ALL_ONES: u64 = 0xffffffffff;

/**
 * Takes what a present L1 entry refers to.
 *
 * @param owner domain whose frames it may name (DOMID_IO: only frames that are no RAM)
 * @returns 0; -EINVAL for forbidden bits or the all-ones frame; -EPERM for what is not RAM; -EBUSY
 *   for another's frame or a frame that must not be writable
 */
export function take_l1_target(e: u64, owner: u32): i32 {
  if (e & L1_FORBIDDEN) return -EINVAL;
  const m = entry_mfn(e);
  if (!mfn_valid(m)) return m == ALL_ONES ? -EINVAL : -EPERM;
  const mfn = <u32> m;
  if (!get_page(mfn, owner)) return -EBUSY;
  if (e & RW && get_page_type(mfn, T_WRITABLE) != 0) {
    put_page(mfn);
    return -EBUSY;
  }
  return 0;
}

/** Gives back what an L1 entry of domain d refers to. */
export function drop_l1_target(e: u64, d: Domain): void {
  if (!(e & P)) return;
  const mfn = <u32> entry_mfn(e);
  if (e & RW) return put_page_and_type(mfn);
  const p = page(mfn);
  // a mapping of a descriptor page goes: LDT pages are taken by linear address, so all are let go
  if ((p.type & 0xff) == T_SEG_DESC && p.type_count && p.owner == d.id) {
    for (let n: u32 = 0; n < d.max_vcpus; n++) {
      const v = vcpu_of(d, n);
      if (changetype<usize>(v)) drop_ldt(v);
    }
  }
  put_page(mfn);
}

/** Takes the L1 that a present L2 entry names, or a linear use of an L2. `table`: the entry's own frame. */
export function take_l2_target(e: u64, table: u32, d: Domain): i32 {
  if (e & L2_FORBIDDEN) return -EINVAL;
  const m = entry_mfn(e);
  if (!mfn_valid(m)) return -EINVAL;
  const result = get_page_and_type(<u32> m, d.id, T_L1);
  if (result == -EINVAL && take_linear(e, table, d, T_L2)) return 0;
  return result;
}

export function drop_l2_target(e: u64, table: u32): void {
  if (!(e & P)) return;
  drop_table_target(<u32> entry_mfn(e), table, T_L2);
}

/** Takes the L2 that a present PAE L3 entry names; slot 3's must be nowhere else. */
export function take_l3_target(e: u64, slot: u32, d: Domain): i32 {
  if (e & PAE_L3_FORBIDDEN) return -EINVAL;
  const m = entry_mfn(e);
  if (!mfn_valid(m)) return -EINVAL;
  return get_page_and_type(<u32> m, d.id, slot == 3 ? T_L2 | PG_PAE_XEN_L2 : T_L2);
}

export function drop_l3_target(e: u64): void {
  if (e & P) put_page_and_type(<u32> entry_mfn(e));
}

/**
 * A read-only entry of a table of level `type` that names a table of the same level: itself, or one
 * that is already checked and has no such entries, if the table itself is not used so elsewhere. So
 * chains of them are at most one long (XSA-240).
 */
function take_linear(e: u64, table: u32, d: Domain, type: u32): bool {
  if (e & RW) return false;
  const mfn = <u32> entry_mfn(e);
  if (mfn == table) return true; // itself: no reference
  const mine = page(table);
  const p = page(mfn);
  if (<i32> mine.linear < 0 || <i32> p.linear > 0) return false;
  if ((p.type & (0xff | PG_VALIDATED)) != (type | PG_VALIDATED) || !p.type_count) return false;
  if (!get_page(mfn, d.id)) return false;
  p.type_count++;
  p.linear--;
  mine.linear++;
  return true;
}

/** Gives back the target of an entry above level 1, linear or not. */
function drop_table_target(mfn: u32, table: u32, type: u32): void {
  if (mfn == table) return;
  const p = page(mfn);
  if ((p.type & 0xff) == type) {
    p.linear++;
    page(table).linear--;
  }
  put_page_and_type(mfn);
}
