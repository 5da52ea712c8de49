// update_va_mapping: the L1 entry for a linear address, by that address (hypercall 14).
//
// Rules: xen/arch/x86/mm.c __do_update_va_mapping; shared/pv-abi.md §7.5, §16.
import { EFAULT, EINVAL } from "../errno";
import { current, current_domain } from "../domains/domain";
import { MACHINE } from "../layout";
import { page, T_L1 } from "../frames/page";
import { copy_from_guest } from "../pagetables/guest_copy";
import { tlb_flush_current, tlb_flush_page } from "../pagetables/tlb";
import { update_entry } from "../pagetables/update";
import { find_leaf, LEVELS_PAE } from "../pagetables/walk";

const FLUSH_TYPE: u64 = 3;
const TLB_FLUSH: u64 = 1;
const INVLPG: u64 = 2;
/** In place of a bitmap's address: this vCPU, all vCPUs. */
const LOCAL: u64 = 0;
const ALL: u64 = 4;

const word: usize = memory.data(4, 4);

/**
 * @param va linear address; its low 12 bits are ignored
 * @param pte the new entry
 * @param flags low 2 bits: 0 no flush, 1 TLB, 2 one page; the rest: 0 this vCPU, 4 all, else the
 *   linear address of a bitmap of vCPUs
 * @returns 0; -EINVAL if no L1 of the domain's covers va, or as an L1 update; -EFAULT for a bad bitmap
 *   (the entry is changed then)
 */
export function do_update_va_mapping(va: u64, pte: u64, flags: u64): i32 {
  return change_mapping(va, pte, flags, current_domain.id);
}

function change_mapping(va: u64, pte: u64, flags: u64, owner: u32): i32 {
  if (!current.cr3_mfn) return -EINVAL;
  const at = find_leaf(current.cr3_mfn, LEVELS_PAE, va);
  if (!at) return -EINVAL;
  const table = <u32> ((at - MACHINE) >> 12);
  const p = page(table);
  // with a linear entry in the way, the "L1" is an L2 or the hypervisor's
  if ((p.type & 0xff) != T_L1 || !p.type_count || p.owner != current_domain.id) return -EINVAL;
  const result = update_entry(table, <u32> at & 0xfff, pte, false, owner);
  if (result != 0) return result;
  const type = flags & FLUSH_TYPE;
  if (type != TLB_FLUSH && type != INVLPG) return 0;
  const who = flags & ~FLUSH_TYPE;
  if (who != LOCAL && who != ALL && vcpu_bitmap(who) < 0) return -EFAULT;
  if (type == TLB_FLUSH) tlb_flush_current();
  else tlb_flush_page(va);
  return 0;
}

/**
 * Reads a guest's bitmap of vCPUs, of which there are at most 32. Which are in it does not matter:
 * vCPUs take turns on one TLB, and one that did not run since a change starts with none of it stale.
 *
 * @returns 0, or -EFAULT
 */
export function vcpu_bitmap(address: u64): i32 {
  return copy_from_guest(word, address, 4);
}
