// exchange: a domain gives frames up and gets others for them (XENMEM_exchange).
//
// The structure: two reservations (in, out) and nr_exchanged u32. Work goes in chunks of the larger
// of both extents, and each chunk is exchanged as a whole or not at all. Rules: xen/common/memory.c
// memory_exchange; shared/pv-abi.md §7.9.
import { EFAULT, EINVAL, ENOMEM, EPERM } from "../errno";
import { DX, gpr } from "../cpu/state";
import { current_domain } from "../domains/domain";
import { charge } from "../events/clock";
import { disown_frame, free_frame, reown_frame, scrap_frame } from "../frames/alloc";
import { m2p_set } from "../frames/m2p";
import { mfn_valid, page, PG_ALLOCATED, PG_XEN_HEAP } from "../frames/page";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { tlb_flush_all } from "../pagetables/tlb";
import { call_again, slice_over } from "./continuation";
import { own_domain } from "./memory_op";
import { alloc_below, MAX_ORDER, node_good } from "./memory_reservation";

const SIZE: u32 = 44;
const OUT: usize = 20;
const EXCHANGED: usize = 40;

/** ns that exchanging a frame is taken to last. */
const COST: u32 = 400;

/** Set when the slice is over and the rest is left for another call. */
let more: bool = false;

const args: usize = memory.data(48, 8);
const word: usize = memory.data(4, 4);
const taken: usize = memory.data(512 * 4, 4); // mfns given up by the chunk at work
const given: usize = memory.data(512 * 4, 4); // mfns got for them (the first of each extent)
const pfns: usize = memory.data(512 * 4, 4); // what they are to be to the guest (the same)

/** @returns 0 or -errno; nr_exchanged says how many input extents were exchanged */
export function memory_exchange(command: u32, arg: u64): i32 {
  if (copy_from_guest(args, arg, SIZE) != 0) return -EFAULT;
  more = false;
  const result = exchange();
  if (copy_to_guest(arg + EXCHANGED, args + EXCHANGED, 4) != 0) return -EFAULT;
  return more ? call_again(command, <u32> arg, gpr(DX)) : result;
}

function exchange(): i32 {
  const count = load<u32>(args, 4);
  const order = load<u32>(args, 8);
  const out_count = load<u32>(args, OUT + 4);
  const out_order = load<u32>(args, OUT + 8);
  if (order > MAX_ORDER || out_order > MAX_ORDER) return -EPERM;
  const done = load<u32>(args, EXCHANGED);
  if (
    done > count || load<u16>(args, 16) != load<u16>(args, OUT + 16) ||
    <u64> count << order != <u64> out_count << out_order
  ) return -EINVAL;
  if (!node_good(load<u32>(args, OUT + 12))) return -EINVAL;
  const owned = own_domain(load<u16>(args, 16));
  if (owned != 0) return owned;
  const chunk_order: u32 = order > out_order ? order : out_order;
  const per_chunk: u32 = chunk_order - order; // input extents, as a shift
  const first = done >> per_chunk;
  for (let i = first; i < count >> per_chunk; i++) {
    if (i != first && slice_over()) {
      store<u32>(args, i << per_chunk, EXCHANGED);
      more = true;
      return 0;
    }
    charge(COST << chunk_order);
    const result = exchange_chunk(i, order, out_order, chunk_order);
    if (result != 0) {
      store<u32>(args, i << per_chunk, EXCHANGED);
      return result;
    }
  }
  store<u32>(args, count, EXCHANGED);
  return 0;
}

/**
 * One chunk. Both lists are read, and what it gets is allocated, before anything is given up for good; so
 * it either happens as a whole or not at all. Only a list that cannot be written is found too late for that.
 */
function exchange_chunk(i: u32, order: u32, out_order: u32, chunk_order: u32): i32 {
  const frames: u32 = 1 << chunk_order;
  const out: u32 = chunk_order - out_order; // output extents, as a shift
  let list = <u64> load<u32>(args, OUT) + (<u64> i << out << 2);
  if (copy_from_guest(pfns, list, 4 << out) != 0) return -EFAULT;
  let n: u32 = 0;
  let result = collect(
    <u64> load<u32>(args) + (<u64> i << (chunk_order - order) << 2),
    order,
    frames,
  );
  n = collected;
  let got: u32 = 0;
  if (result == 0) {
    for (; got < frames; got += 1 << out_order) {
      const mfn = alloc_below(out_order, load<u32>(args, OUT + 12));
      if (!mfn) {
        result = -ENOMEM;
        break;
      }
      store<u32>(given + (<usize> got << 2), mfn);
    }
  }
  if (result != 0) {
    for (let g: u32 = 0; g < got; g++) {
      const run = load<u32>(given + (<usize> (g >> out_order << out_order) << 2));
      free_frame(run + (g & ((1 << out_order) - 1)));
    }
    while (n--) reown_frame(load<u32>(taken + (<usize> n << 2)), current_domain);
    return result;
  }
  while (n--) scrap_frame(load<u32>(taken + (<usize> n << 2)));
  tlb_flush_all(current_domain);
  for (let e: u32 = 0; e < <u32> 1 << out; e++, list += 4) {
    const mfn = load<u32>(given + (<usize> (e << out_order) << 2));
    const pfn = load<u32>(pfns + (<usize> e << 2));
    for (let k: u32 = 0; k < <u32> 1 << out_order; k++) m2p_set(mfn + k, pfn + k);
    store<u32>(word, mfn);
    if (copy_to_guest(list, word, 4) != 0) result = -EFAULT;
  }
  return result;
}

let collected: u32 = 0;

/** Takes `frames` frames, those of the extents in the list, into `taken`; `collected` says how many it got to. */
function collect(list: u64, order: u32, frames: u32): i32 {
  for (collected = 0; collected < frames; list += 4) {
    if (copy_from_guest(word, list, 4) != 0) return -EFAULT;
    const first = load<u32>(word);
    for (let k: u32 = 0; k < <u32> 1 << order; k++) {
      if (!give_up(first + k)) return -EINVAL;
      store<u32>(taken + (<usize> collected << 2), first + k);
      collected++;
    }
  }
  return 0;
}

/** Takes a frame from the running domain if nothing but its allocation refers to it (Xen: steal_page). */
export function give_up(mfn: u32): bool {
  if (!mfn_valid(mfn)) return false;
  const p = page(mfn);
  if (p.count != 1 || p.owner != current_domain.id || p.type_count) return false;
  if (!(p.type & PG_ALLOCATED) || p.type & PG_XEN_HEAP) return false;
  disown_frame(mfn, current_domain);
  return true;
}
