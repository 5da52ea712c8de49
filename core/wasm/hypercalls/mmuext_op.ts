// mmuext_op: pins, base pointers, flushes and whole pages (hypercall 26).
//
// An operation is {u32 cmd, u32 arg1, u32 arg2} for a 32-bit guest. Rules: xen/arch/x86/mm.c
// do_mmuext_op; shared/pv-abi.md §7.6, §16.
import { EACCES, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } from "../errno";
import { frame_written } from "../cpu/code";
import { current, current_domain, DOMID_IO } from "../domains/domain";
import { charge } from "../events/clock";
import { frame, T_WRITABLE } from "../frames/page";
import { get_page, get_page_and_type, put_page, put_page_and_type } from "../frames/refs";
import { load_cr3, pin_table, unpin_table } from "../pagetables/cr3";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { tlb_flush_current, tlb_flush_page } from "../pagetables/tlb";
import { set_ldt } from "../segments/ldt";
import { call_again, slice_over } from "./continuation";
import { page_owner } from "./page_owner";
import { vcpu_bitmap } from "./update_va_mapping";

const PIN_L1: u32 = 0;
const PIN_L4: u32 = 3;
const UNPIN: u32 = 4;
const NEW_BASEPTR: u32 = 5;
const TLB_FLUSH_LOCAL: u32 = 6;
const INVLPG_LOCAL: u32 = 7;
const TLB_FLUSH_MULTI: u32 = 8;
const INVLPG_MULTI: u32 = 9;
const TLB_FLUSH_ALL: u32 = 10;
const INVLPG_ALL: u32 = 11;
const FLUSH_CACHE: u32 = 12;
const SET_LDT: u32 = 13;
const NEW_USER_BASEPTR: u32 = 15;
const CLEAR_PAGE: u32 = 16;
const COPY_PAGE: u32 = 17;
const FLUSH_CACHE_GLOBAL: u32 = 18;
const MARK_SUPER: u32 = 19;
const UNMARK_SUPER: u32 = 20;

const OP_SIZE: u32 = 12;
/** Bit of `count` that marks a call which goes on: `done` holds what was done before. */
const PREEMPTED: u32 = 0x80000000;
/** Operations carried out before the guest is given a chance to take events. */
const BATCH: u32 = 4096;
/** Operations that are read at a time. */
const LIST: u32 = 341;
/** ns an operation is taken to last, besides the tables it checks. */
const COST: u32 = 100;

const list: usize = memory.data(4092, 8);
const word: usize = memory.data(4, 4);

/**
 * @param ops linear address of the list
 * @param done linear address of a u32 for the number of operations carried out, or 0; left alone when
 *   count is 0 or foreigndom is refused
 * @returns 0 or the error of the operation that stopped the list
 */
export function do_mmuext_op(ops: u64, count: u32, done: u64, foreigndom: u32): i32 {
  const owner = page_owner(foreigndom & 0xffff);
  if (owner < 0) return owner;
  if (<u32> owner == DOMID_IO) return -EPERM;
  let before: u32 = 0;
  if (count & PREEMPTED) {
    count &= ~PREEMPTED;
    if (done && copy_from_guest(word, done, 4) == 0) before = load<u32>(word);
  }
  if (!count) return 0;
  let result: i32 = 0;
  let i: u32 = 0;
  let read: u32 = 0; // up to which operation the list was read
  for (; i < count && i < BATCH && (i == 0 || !slice_over()); i++) {
    charge(COST);
    if (i == read) read += read_list(ops + <u64> i * OP_SIZE, count - i);
    if (i == read) {
      result = -EFAULT;
      break;
    }
    const op = list + (i % LIST) * OP_SIZE;
    result = carry_out(load<u32>(op), load<u32>(op, 4), load<u32>(op, 8));
    if (result != 0) break;
  }
  if (done) {
    store<u32>(word, before + i);
    copy_to_guest(done, word, 4);
  }
  if (result == 0 && i < count) {
    return call_again(<u32> ops + i * OP_SIZE, (count - i) | PREEMPTED, <u32> done);
  }
  return result;
}

/**
 * Reads a part of the list, as far as it can be read, before any of it is carried out: the tables that
 * it is mapped by may go with a NEW_BASEPTR in it (Xen: compat_mmuext_op).
 *
 * @returns how many operations were read, at most LIST
 */
// @ts-ignore: decorator
@inline function read_list(from: u64, count: u32): u32 {
  const most = count < LIST ? count : LIST;
  if (copy_from_guest(list, from, most * OP_SIZE) == 0) return most;
  let n: u32 = 0;
  while (n < most && copy_from_guest(list + n * OP_SIZE, from + <u64> n * OP_SIZE, OP_SIZE) == 0) n++;
  return n;
}

// @ts-ignore: decorator
@inline function carry_out(cmd: u32, arg1: u32, arg2: u32): i32 {
  if (cmd <= PIN_L4) return pin_table(arg1, cmd - PIN_L1 + 1, current_domain.id);
  switch (cmd) {
    case UNPIN:
      return unpin_table(arg1, current_domain.id);
    case NEW_BASEPTR:
      return load_cr3(current, arg1);
    case TLB_FLUSH_MULTI:
      if (vcpu_bitmap(arg2) != 0) return -EINVAL;
    case TLB_FLUSH_LOCAL:
    case TLB_FLUSH_ALL:
      tlb_flush_current();
      return 0;
    case INVLPG_MULTI:
      if (vcpu_bitmap(arg2) != 0) return -EINVAL;
    case INVLPG_LOCAL:
    case INVLPG_ALL:
      tlb_flush_page(arg1);
      return 0;
    case FLUSH_CACHE:
      return -EACCES; // for domains with devices
    case FLUSH_CACHE_GLOBAL:
    case NEW_USER_BASEPTR:
      return -EINVAL;
    case SET_LDT:
      return set_ldt(current, arg1, arg2);
    case CLEAR_PAGE:
      return fill_page(arg1, 0);
    case COPY_PAGE:
      return copy_page(arg1, arg2);
    case MARK_SUPER:
    case UNMARK_SUPER:
      return -EOPNOTSUPP;
  }
  return -ENOSYS;
}

/** Zeroes a page (source 0) or copies `source` over it; no table or descriptor page can be one. */
function fill_page(mfn: u32, source: u32): i32 {
  if (get_page_and_type(mfn, current_domain.id, T_WRITABLE) != 0) return -EINVAL;
  if (source) memory.copy(frame(mfn), frame(source), 4096);
  else memory.fill(frame(mfn), 0, 4096);
  frame_written(mfn, 0, 4096);
  put_page_and_type(mfn);
  return 0;
}

function copy_page(mfn: u32, source: u32): i32 {
  if (!get_page(source, current_domain.id)) return -EINVAL;
  const result = fill_page(mfn, source);
  put_page(source);
  return result;
}
