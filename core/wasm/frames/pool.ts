// The frames nobody has.
//
// Frames from `fresh` up were never used: they are zero and so is their page_info. Frames that came
// back lie in a doubly linked list and are zeroed when they are handed out again; those that nobody has
// written meanwhile are only read, so that memory which the host has not had to give stays so.
import { current } from "../domains/domain";
import { charge } from "../events/clock";
import { m2p_block, m2p_blocks, m2p_is_block } from "./m2p";
import { frame, machine_frames, page } from "./page";

let free_head: u32 = 0;
let free_listed: u32 = 0;
let fresh: u32 = 1;

/** The first frame of those that were never used, which nobody has asked anything of. */
export function first_fresh(): u32 {
  return fresh;
}

/** Frames that could still be handed out. */
export function free_frames(): u32 {
  let n: u32 = machine_frames > fresh ? machine_frames - fresh : 0;
  for (let i: u32 = 0; i < m2p_blocks(); i++) if (m2p_block(i) >= fresh) n -= 512;
  return free_listed + n;
}

/** A zeroed frame, or 0 if there is none. One that came back is taken first: its memory is there already. */
export function take_any(): u32 {
  if (free_head) return take_listed(free_head);
  while (fresh < machine_frames && m2p_is_block(fresh)) fresh = (fresh | 511) + 1;
  return fresh < machine_frames ? fresh++ : 0;
}

function take_listed(mfn: u32): u32 {
  const p = page(mfn);
  if (p.prev) page(p.prev).next = p.next;
  else free_head = p.next;
  if (p.next) page(p.next).prev = p.prev;
  free_listed--;
  if (!is_zero(frame(mfn))) memory.fill(frame(mfn), 0, 4096);
  return mfn;
}

function is_zero(at: usize): bool {
  for (let p = at; p < at + 4096; p += 32) {
    if (load<u64>(p) | load<u64>(p, 8) | load<u64>(p, 16) | load<u64>(p, 24)) return false;
  }
  return true;
}

/** Takes a frame back; its count is zero. */
export function put_back(mfn: u32): void {
  const p = page(mfn);
  p.next = free_head;
  p.prev = 0;
  if (free_head) page(free_head).prev = mfn;
  free_head = mfn;
  free_listed++;
}

/**
 * The first of 2^order neighbouring frames, aligned to their number; 0 if there are none. They are
 * looked for among the frames never used, then (a scan of the machine, for which a guest is charged)
 * among all.
 */
export function take_run(order: u32): u32 {
  if (order == 0) return take_any();
  const n: u32 = 1 << order;
  if (free_frames() < n) return 0;
  let first = (fresh + n - 1) & ~(n - 1);
  while (first + n <= machine_frames && m2p_is_block(first)) first = (first | 511) + 1;
  if (first + n <= machine_frames) {
    for (; fresh < first; fresh++) if (!m2p_is_block(fresh)) put_back(fresh);
    fresh = first + n;
    return first;
  }
  if (changetype<usize>(current)) charge(fresh >> order);
  for (let at: u32 = n; at + n <= fresh; at += n) {
    let i: u32 = 0;
    while (i < n && !page(at + i).count) i++;
    if (i < n) continue;
    for (i = 0; i < n; i++) take_listed(at + i);
    return at;
  }
  return 0;
}
