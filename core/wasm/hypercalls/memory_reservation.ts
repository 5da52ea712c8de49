// Increase, decrease and populate: a domain's frames come and go.
//
// The structure (20 bytes for a 32-bit guest): list u32, nr_extents u32, extent_order u32,
// mem_flags u32, domid u16. All three answer with the number of extents done; a short count is the
// only sign of failure. Rules: xen/common/memory.c; shared/pv-abi.md §7.9.
import { DX, gpr } from "../cpu/state";
import { current_domain } from "../domains/domain";
import { charge } from "../events/clock";
import { alloc_run, free_frame } from "../frames/alloc";
import { m2p_set } from "../frames/m2p";
import { page, PG_XEN_HEAP } from "../frames/page";
import { get_page, put_page } from "../frames/refs";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { HOLE32 } from "../pagetables/pte";
import { call_again, slice_over } from "./continuation";
import { own_domain, START_SHIFT } from "./memory_op";

export const INCREASE: u32 = 0;
export const DECREASE: u32 = 1;
export const POPULATE: u32 = 6;
/** Largest extent a domU may ask for: 2^9 frames. */
export const MAX_ORDER: u32 = 9;
export const RESERVATION_SIZE: u32 = 20;
/** ns that giving or taking a frame is taken to last. */
const COST: u32 = 200;

// mem_flags: how many bits machine addresses may have (0 = any), the NUMA node plus 1, and switches.
const ADDRESS_BITS: u32 = 0xff;
const POPULATE_ON_DEMAND: u32 = 1 << 16;
const EXACT_NODE: u32 = 1 << 17;
const NODES: u32 = 64;
const NO_NODE: u32 = 0xff;

const reservation: usize = memory.data(24, 8);
const word: usize = memory.data(4, 4);

/**
 * @param command INCREASE, DECREASE or POPULATE
 * @param start extent to begin with (an interrupted call goes on there)
 * @param arg linear address of the structure
 * @returns extents done, those before `start` included
 */
export function memory_reservation(command: u32, start: u32, arg: u64): i32 {
  if (copy_from_guest(reservation, arg, RESERVATION_SIZE) != 0) return start;
  const list = load<u32>(reservation);
  const count = load<u32>(reservation, 4);
  const order = load<u32>(reservation, 8);
  if (count > 0x3ffffff || start >= count || order > MAX_ORDER) return start;
  if (list && <u64> list + (<u64> count << 2) > HOLE32) return start; // nothing is done of such a list
  if (own_domain(load<u16>(reservation, 16)) != 0) return start;
  const flags = load<u32>(reservation, 12);
  if (!flags_good(flags, command)) return start;
  let i = start;
  for (; i < count; i++) {
    const at = <u64> list + (<u64> i << 2);
    const good = command == DECREASE
      ? decrease(at, order)
      : command == INCREASE
      ? increase(at, list, order, flags)
      : populate(at, order, flags);
    if (!good) break;
    charge(COST << order);
    if (slice_over() && i + 1 < count) {
      return call_again(command | (i + 1) << START_SHIFT, <u32> arg, gpr(DX));
    }
  }
  return i;
}

/** Whether a reservation's flags ask for what there is: the one node, 0, and memory at once. */
function flags_good(flags: u32, command: u32): bool {
  const bits = flags & ADDRESS_BITS;
  if (bits && bits <= 12) return false;
  if (command == POPULATE && flags & POPULATE_ON_DEMAND) return false; // of translated domains
  return node_good(flags);
}

/** Whether there may be such a node; an exact one has to be the one there is. */
export function node_good(flags: u32): bool {
  const node = ((flags >> 8) - 1) & 0xff;
  if (node == NO_NODE) return true;
  return node < NODES && (node == 0 || !(flags & EXACT_NODE));
}

/** A run of frames whose machine addresses are as short as the flags ask for; 0 if there is none. */
export function alloc_below(order: u32, flags: u32): u32 {
  const mfn = alloc_run(current_domain.id, order);
  const bits = flags & ADDRESS_BITS;
  const end = mfn + (1 << order);
  if (!mfn || !bits || bits >= 32 || end <= <u32> 1 << (bits - 12)) return mfn;
  for (let n: u32 = mfn; n < end; n++) free_frame(n);
  return 0;
}

/** Frees the frames from an mfn in the list on. A frame that is still mapped lives until it is not. */
function decrease(at: u64, order: u32): bool {
  if (copy_from_guest(word, at, 4) != 0) return false;
  const first = load<u32>(word);
  for (let i: u32 = 0; i < <u32> 1 << order; i++) {
    const mfn = first + i;
    if (!get_page(mfn, current_domain.id)) return false;
    if (!(page(mfn).type & PG_XEN_HEAP)) free_frame(mfn);
    put_page(mfn);
  }
  return true;
}

/** New frames without a pfn; the first one's mfn goes into the list, if there is one. */
function increase(at: u64, list: u32, order: u32, flags: u32): bool {
  const mfn = alloc_below(order, flags);
  if (!mfn) return false;
  if (!list) return true;
  store<u32>(word, mfn);
  return copy_to_guest(at, word, 4) == 0;
}

/** New frames for the pfns from the one in the list on; the first one's mfn takes its place. */
function populate(at: u64, order: u32, flags: u32): bool {
  if (copy_from_guest(word, at, 4) != 0) return false;
  const pfn = load<u32>(word);
  const mfn = alloc_below(order, flags);
  if (!mfn) return false;
  for (let i: u32 = 0; i < <u32> 1 << order; i++) m2p_set(mfn + i, pfn + i);
  store<u32>(word, mfn);
  return copy_to_guest(at, word, 4) == 0;
}
