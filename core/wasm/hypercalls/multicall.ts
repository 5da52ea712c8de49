// multicall: a list of hypercalls in one (xen/common/multicall.c; shared/pv-abi.md §10).
import { DX, gpr } from "../cpu/state";
import { current_domain, DOM_RUNNING } from "../domains/domain";
import { EFAULT, EINVAL } from "../errno";
import { charge } from "../events/clock";
import { TLB_CHANGES } from "../layout";
import { access_ok, copy_from_guest, copy_to_guest, write_hit } from "../pagetables/guest_copy";
import { trace_hypercall, trace_hypercall_done } from "../trace";
import { again1, again2, again3, call_again, slice_over, take_again } from "./continuation";
import { dispatch } from "./dispatch";

const ENTRY: u32 = 32; // op, result, args[6]
const RESULT: u32 = 4;
const ARGS: u32 = 8;
const COST: u32 = 50;
/** Entries carried out before the guest is given a chance to take events. */
const BATCH: u32 = 512;
const IRET: u32 = 23;

const copy = memory.data(32);
let inside: bool = false;

/**
 * Where an entry can be read: in the list itself where the TLB would let a store go straight there, else in a
 * copy; 0 if it cannot be read.
 */
function find_entry(list: u64): usize {
  if (access_ok(list, ENTRY)) {
    const host = write_hit(<u32> list, ENTRY);
    if (host) return host;
  }
  return copy_from_guest(copy, list, ENTRY) ? 0 : copy;
}

/** One entry. */
// @ts-ignore: decorator
@inline function call_entry(nr: u32, entry: usize): i32 {
  const a1 = load<u32>(entry, ARGS);
  const a2 = load<u32>(entry, ARGS + 4);
  const a3 = load<u32>(entry, ARGS + 8);
  const a4 = load<u32>(entry, ARGS + 12);
  const a5 = load<u32>(entry, ARGS + 16);
  charge(COST);
  const at = trace_hypercall(current_domain.id, nr, a1, a2, a3, a4, a5);
  const result = dispatch(nr, a1, a2, a3, a4, a5);
  trace_hypercall_done(at, nr, result);
  return result;
}

/** Writes a sub-call's arguments back that asked to be called again, or its result otherwise. */
function put_arguments(list: u64): i32 {
  store<u32>(copy, again1);
  store<u32>(copy, again2, 4);
  store<u32>(copy, again3, 8);
  return copy_to_guest(list + ARGS, copy, 12);
}

function put_result(list: u64, result: i32): i32 {
  store<i32>(copy, result);
  return copy_to_guest(list + RESULT, copy, 4);
}

/**
 * Carries out a list of hypercalls in order; each entry's result is written back at once, whatever
 * it is. No event is delivered in between. An iret ends the list.
 *
 * @param list guest address of 32-byte entries
 * @param count number of entries
 * @returns 0 even where sub-calls fail; -EINVAL inside a multicall; -EFAULT where the list cannot be
 *   read or written (the entries before stay done); an iret's own result
 */
export function do_multicall(list: u64, count: u32): i32 {
  if (inside) return -EINVAL;
  inside = true;
  const result = carry_out(list, count);
  inside = false;
  return result;
}

function carry_out(list: u64, count: u32): i32 {
  let entry: usize = 0;
  let changes: u32 = 0;
  let known = false; // the entry before lies where the TLB says, and a store to the list goes straight there
  for (let n: u32 = 0; n < count; n++) {
    if (n == BATCH || (n && slice_over())) return call_again(<u32> list, count - n, gpr(DX));
    if (known && (<u32> list & 0xfff) - 1 < 4096 - ENTRY) entry += ENTRY;
    else {
      entry = find_entry(list);
      if (!entry) return -EFAULT;
      changes = load<u32>(TLB_CHANGES);
    }
    const nr = load<u32>(entry);
    const result = call_entry(nr, entry);
    if (take_again()) {
      if (put_arguments(list)) return -EFAULT;
      return call_again(<u32> list, count - n, gpr(DX));
    }
    // the call may have unmapped the list, or made it something that cannot be written to
    known = entry != copy && load<u32>(TLB_CHANGES) == changes;
    if (known) store<i32>(entry, result, RESULT);
    else if (put_result(list, result)) return -EFAULT;
    if (nr == IRET) return result;
    if (current_domain.state != DOM_RUNNING) return 0;
    list += ENTRY;
  }
  return 0;
}
