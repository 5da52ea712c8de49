// mmu_update: a list of page-table entries to change (hypercall 1).
//
// Each request is {u64 ptr, u64 val}; the low three bits of ptr say what it is, 0 for a plain update. Rules:
// xen/arch/x86/mm.c do_mmu_update; shared/pv-abi.md §7.4, §16.
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "../errno";
import { current_domain, DOMID_IO } from "../domains/domain";
import { charge } from "../events/clock";
import { frame, page, T_L1, T_L2, T_L4, T_WRITABLE } from "../frames/page";
import { get_page, get_page_type, put_page, put_page_type } from "../frames/refs";
import { m2p_set } from "../frames/m2p";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { entry_write } from "../pagetables/pte";
import { tlb_flush_current } from "../pagetables/tlb";
import { update_entry } from "../pagetables/update";
import { call_again, slice_over } from "./continuation";
import { domain_exists, page_owner } from "./page_owner";

const MACHPHYS: u32 = 1;
const PRESERVE_AD: u32 = 2;
const NO_TRANSLATE: u32 = 3;
/** Bit of `count` that marks a call which goes on: `done` holds what was done before. */
const PREEMPTED: u32 = 0x80000000;
/** Requests carried out before the guest is given a chance to take events. */
const BATCH: u32 = 4096;
/** ns a request is taken to last. */
const COST: u32 = 50;

const request: usize = memory.data(16, 8);
const word: usize = memory.data(4, 4);
let flush: bool = false;

/**
 * @param requests linear address of the list
 * @param done linear address of a u32 for the number of requests carried out, or 0; what cannot be
 *   written there is ignored
 * @param foreigndom low half: whose frames entries may name; high half: whose tables, plus 1 (0 = own)
 * @returns 0 or the error of the request that stopped the list
 */
export function do_mmu_update(requests: u64, count: u32, done: u64, foreigndom: u32): i32 {
  const foreign_tables = foreigndom >> 16;
  let tables_denied = false;
  if (foreign_tables && foreign_tables - 1 != current_domain.id) {
    if (!domain_exists(foreign_tables - 1)) return -ESRCH;
    tables_denied = true;
  }
  let before: u32 = 0;
  if (count & PREEMPTED) {
    count &= ~PREEMPTED;
    if (done && copy_from_guest(word, done, 4) == 0) before = load<u32>(word);
  }
  const owner = page_owner(foreigndom & 0xffff);
  let result: i32 = owner == -ESRCH ? -ESRCH : 0;
  let i: u32 = 0;
  flush = false;
  if (result == 0) {
    for (; i < count && i < BATCH && (i == 0 || !slice_over()); i++) {
      charge(COST);
      if (copy_from_guest(request, requests + (<u64> i << 4), 16) != 0) {
        result = -EFAULT;
        break;
      }
      result = carry_out(load<u64>(request), load<u64>(request, 8), owner, tables_denied);
      if (result != 0) break;
    }
  }
  if (flush) tlb_flush_current();
  if (done) {
    store<u32>(word, before + i);
    copy_to_guest(done, word, 4);
  }
  if (result == 0 && i < count) {
    return call_again(<u32> requests + (i << 4), (count - i) | PREEMPTED, <u32> done);
  }
  return result;
}

function carry_out(ptr: u64, value: u64, owner: i32, tables_denied: bool): i32 {
  const command = <u32> ptr & 7;
  if (command == MACHPHYS) {
    if (tables_denied || owner < 0) return -EPERM;
    return machphys(ptr >> 12, <u32> value, owner);
  }
  if (command > NO_TRANSLATE) return -ENOSYS;
  if (owner < 0) return owner;
  if (tables_denied) return -EPERM;
  const mfn = ptr >> 12;
  if (mfn > 0xffffffff || !get_page(<u32> mfn, current_domain.id)) return -EINVAL;
  const result = change(<u32> mfn, <u32> ptr & 0xff8, value, command == PRESERVE_AD, owner);
  put_page(<u32> mfn);
  return result;
}

/** Changes 8 bytes of an own frame: a checked update in a table, a plain store in a page that is none. */
function change(mfn: u32, offset: u32, value: u64, preserve: bool, owner: u32): i32 {
  const p = page(mfn);
  const type = p.type & 0xff;
  if (p.type_count && type >= T_L1 && type <= T_L4) {
    const result = update_entry(mfn, offset, value, preserve, owner);
    if (result == 0 && type >= T_L2) flush = true;
    return result;
  }
  if (get_page_type(mfn, T_WRITABLE) != 0) return -EINVAL;
  entry_write(frame(mfn) + offset, value);
  put_page_type(mfn);
  return 0;
}

function machphys(mfn: u64, pfn: u32, owner: u32): i32 {
  if (owner == DOMID_IO || mfn > 0xffffffff || !get_page(<u32> mfn, owner)) return -EINVAL;
  m2p_set(<u32> mfn, pfn);
  put_page(<u32> mfn);
  return 0;
}
