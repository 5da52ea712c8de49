// Machine frames for programs and files: those that the initial page tables do not map, and those
// that came back.

import { VIRT_BASE } from "../abi/numbers.ts";
import { array, fn, global, if_, local, ret, u32 } from "../asm/mod.ts";
import { freePage, make_tables, map_frame, mappedEnd, table_below } from "../kernel/memory.ts";
import { startInfo } from "../kernel/state.ts";

/** No more than so many frames are ever given out, so that there is room for all to come back. */
const MOST = 65536;
const returned = global("returned_frames", array(u32, MOST));
const returnedCount = global("returned_count", u32);
const fresh = global("fresh_count", u32);

/** A frame with anything in it, or 0 when there is none. */
export const alloc_frame = fn("alloc_frame", () => {
  if_(returnedCount.ne(0), () => {
    returnedCount.dec();
    ret(returned.at(returnedCount));
  });
  const pfn = local(mappedEnd.minus(VIRT_BASE).shr(12).plus(fresh));
  if_(fresh.ge(MOST).either(() => pfn.ge(startInfo.nr_pages)), () => ret(0));
  fresh.inc();
  ret(u32.at(pfn.times(4).plus(startInfo.mfn_list)));
});

/** (mfn): takes a frame back that nothing maps any more. */
export const free_frame = fn("free_frame", (mfn) => {
  returned.at(returnedCount).set(mfn);
  returnedCount.inc();
});

/** (va): makes page tables for an address; 0 when there are no pages left to make them of. */
export const tables_for = fn("tables_for", (va) => {
  if_(mappedEnd.minus(freePage).lt(3 * 4096), () => ret(0));
  make_tables(va);
  ret(1);
});

/** (va): the frame that is mapped at an address, or 0. */
export const frame_at = fn("frame_at", (va) => {
  const l2 = local(table_below(startInfo.pt_base, va.shr(30)));
  if_(l2.eq(0), () => ret(0));
  const l1 = local(table_below(l2, va.shr(21).and(511)));
  if_(l1.eq(0), () => ret(0));
  const entry = local(l1.plus(va.shr(12).and(511).shl(3)));
  if_(u32.at(entry).and(1).eq(0), () => ret(0));
  ret(u32.at(entry).shr(12).or(u32.at(entry.plus(4)).shl(20)));
});

/** (va): unmaps what is at an address and takes the frame back. */
export const release_page = fn("release_page", (va) => {
  const mfn = local(frame_at(va));
  if_(mfn.eq(0), () => ret());
  map_frame(va, 0, 0);
  free_frame(mfn);
});

/** How many frames `alloc_frame` still has. */
export const free_frames = fn("free_frames", () => {
  const never = local(startInfo.nr_pages.minus(mappedEnd.minus(VIRT_BASE).shr(12)).minus(fresh));
  ret(returnedCount.plus(never));
});
