// Changing one entry of a table in use.
//
// The new target's references are taken first, then the entry is written, then the old target's are
// given back: so a writable mapping that becomes read-only frees its frame for use as a table at
// once. Rules: xen/arch/x86/mm.c (mod_l1_entry to mod_l3_entry); shared/pv-abi.md §7.4.
import { EINVAL, EPERM } from "../errno";
import { Domain, domain_by_id } from "../domains/domain";
import { frame, page, T_L1, T_L2, T_L3 } from "../frames/page";
import { trace_mask, TRACE_MMU, trace_mmu } from "../trace";
import { tables_changed } from "./address_space";
import {
  A,
  D,
  entry_write,
  FAST_PATH,
  L1_FORBIDDEN,
  L2_FORBIDDEN,
  P,
  PAE_L3_FORBIDDEN,
} from "./pte";
import {
  drop_l1_target,
  drop_l2_target,
  drop_l3_target,
  take_l1_target,
  take_l2_target,
  take_l3_target,
} from "./targets";
import { guest_slots, pae_l3_in_use } from "./validate";

/**
 * Changes an entry of a table, by the table's level.
 *
 * @param table a frame in use as L1 to L3
 * @param offset of the entry in it, in bytes, a multiple of 8
 * @param value the new entry
 * @param preserve the old entry's accessed and dirty bits stay set
 * @param owner number of the domain whose frames an L1 entry may name
 * @returns 0 or -errno, with nothing changed. Above level 1 the caller flushes the TLB.
 */
export function update_entry(table: u32, offset: u32, value: u64, preserve: bool, owner: u32): i32 {
  const p = page(table);
  const d = domain_by_id(p.owner);
  const at = frame(table) + offset;
  const old = load<u64>(at);
  const level = p.type & 0xff;
  let result: i32 = -EINVAL;
  if (level == T_L1) result = update_l1(at, old, value, preserve, owner, d);
  else if (owner != d.id) result = -EINVAL;
  else if (level == T_L2) result = update_l2(at, old, value, preserve, table, d);
  else if (level == T_L3) result = update_pae_l3(at, old, value, preserve, d);
  if (trace_mask & TRACE_MMU) trace_mmu((<u64> table << 12) | offset, value, level, result);
  return result;
}

// @ts-ignore: decorator
@inline

function write(at: usize, old: u64, value: u64, preserve: bool, d: Domain): void {
  entry_write(at, preserve ? value | (old & (A | D)) : value);
  if (old & P) tables_changed(d);
}

// @ts-ignore: decorator
@inline

function similar(old: u64, value: u64): bool {
  return ((old ^ value) & ~FAST_PATH) == 0;
}

function update_l1(at: usize, old: u64, value: u64, preserve: bool, owner: u32, d: Domain): i32 {
  if (value & P) {
    if (value & L1_FORBIDDEN) return -EINVAL;
    if (similar(old, value)) {
      write(at, old, value, preserve, d);
      return 0;
    }
    const result = take_l1_target(value, owner);
    if (result != 0) return result;
  }
  write(at, old, value, preserve, d);
  drop_l1_target(old, d);
  return 0;
}

function update_l2(at: usize, old: u64, value: u64, preserve: bool, table: u32, d: Domain): i32 {
  if ((<u32> at & 0xfff) >> 3 >= guest_slots(page(table).type)) return -EPERM;
  if (value & P) {
    if (value & L2_FORBIDDEN) return -EINVAL;
    if (similar(old, value)) {
      write(at, old, value, preserve, d);
      return 0;
    }
    const result = take_l2_target(value, table, d);
    if (result != 0) return result;
  }
  write(at, old, value, preserve, d);
  drop_l2_target(old, table);
  return 0;
}

function update_pae_l3(at: usize, old: u64, value: u64, preserve: bool, d: Domain): i32 {
  const slot = (<u32> at & 0xfff) >> 3;
  if (slot >= 3) return -EINVAL; // slot 3 stays as it was checked, the rest is not there
  if (value & P) {
    if (value & PAE_L3_FORBIDDEN) return -EINVAL;
    if (similar(old, value)) {
      write(at, old, pae_l3_in_use(value), preserve, d);
      return 0;
    }
    const result = take_l3_target(value, slot, d);
    if (result != 0) return result;
  }
  write(at, old, pae_l3_in_use(value), preserve, d);
  drop_l3_target(old);
  return 0;
}
