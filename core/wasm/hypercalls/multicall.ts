// multicall: a list of hypercalls in one (xen/common/multicall.c; shared/pv-abi.md §10).
import { DX, gpr } from "../cpu/state";
import { current_domain, DOM_RUNNING } from "../domains/domain";
import { EFAULT, EINVAL } from "../errno";
import { charge } from "../events/clock";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
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

const entry = memory.data(32);
let inside: bool = false;

/** Writes an entry's result back. The guest may have unmapped the list meanwhile: -EFAULT. */
function put_result(list: u64, result: i32): i32 {
  store<i32>(entry, result, RESULT);
  return copy_to_guest(list + RESULT, entry + RESULT, 4);
}

/** One entry, whose copy is in `entry`. Sub-calls that ask to be called again have their entry changed. */
function call_entry(): i32 {
  const nr = load<u32>(entry);
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
  for (let n: u32 = 0; n < count; n++) {
    if (n == BATCH || (n && slice_over())) return call_again(<u32> list, count - n, gpr(DX));
    if (copy_from_guest(entry, list, ENTRY)) return -EFAULT;
    const nr = load<u32>(entry);
    inside = true;
    const result = call_entry();
    inside = false;
    if (take_again()) {
      store<u32>(entry, again1, ARGS);
      store<u32>(entry, again2, ARGS + 4);
      store<u32>(entry, again3, ARGS + 8);
      if (copy_to_guest(list + ARGS, entry + ARGS, 12)) return -EFAULT;
      return call_again(<u32> list, count - n, gpr(DX));
    }
    if (put_result(list, result)) return -EFAULT;
    if (nr == IRET) return result;
    if (current_domain.state != DOM_RUNNING) return 0;
    list += ENTRY;
  }
  return 0;
}
