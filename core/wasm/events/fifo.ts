// The FIFO ABI of event channels: each port has a word in an array of the guest's pages, and each vCPU
// sixteen queues, one for each priority, whose heads stand in its control block. A queue is a list
// through the words; the hypervisor appends, the guest takes from the front.
// Source: xen/include/public/event_channel.h, xen/common/event_fifo.c.
//
// All of it lies in memory that the guest may write at any time. What is kept here, out of its reach,
// is where a queue ends; a word that the guest changed can only make it lose its own events.
import { Domain, MAX_VCPUS, Vcpu, vcpu_of } from "../domains/domain";
import { EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from "../errno";
import { frame, T_WRITABLE } from "../frames/page";
import { get_page_and_type, put_page_and_type } from "../frames/refs";
import { is_pending } from "./bits";
import { mark_upcall, wake_pollers } from "./channels";
import { DEFAULT_PRIORITY, EventState, event_state, Port, port_at, PORTS } from "./ports";

// An event word.
const WORD_PENDING: u32 = 1 << 31;
const WORD_MASKED: u32 = 1 << 30;
const WORD_LINKED: u32 = 1 << 29;
const WORD_BUSY: u32 = 1 << 28;
const LINK_MASK: u32 = 0x1ffff;
export const LINK_BITS: u32 = 17;

const MIN_PRIORITY: u32 = 15;
const QUEUES: u32 = 16;
const WORDS_PER_PAGE: u32 = 1024;
const MAX_PAGES: u32 = 128;
const PAGE: u32 = 4096;

// struct evtchn_fifo_control_block
const CONTROL_SIZE: u32 = 72;
const CONTROL_HEADS: usize = 8;

/** What the hypervisor keeps for a vCPU: its control block, and where each of its queues ends. */
@unmanaged
export class FifoVcpu {
  control_mfn: u32; // 0 = not given yet
  control: usize; // host address
  tails: usize; // QUEUES ports, 0 = the queue is new or its last port went elsewhere
}

/** Bytes of a domain's part: its array's frames, then its vCPUs and their tails. */
const VCPUS_AT: usize = 512;
const TAILS_AT: usize = VCPUS_AT + 32 * 12;
export const FIFO_SIZE: usize = TAILS_AT + 32 * 64;

// @ts-ignore: decorator
@inline function fifo_vcpu(e: EventState, n: u32): FifoVcpu {
  return changetype<FifoVcpu>(e.fifo + VCPUS_AT + <usize> n * offsetof<FifoVcpu>());
}

/** Frame number n of a domain's event array, which has event_state(d).fifo_pages of them. */
export function fifo_page(d: Domain, n: u32): u32 {
  return load<u32>(event_state(d).fifo + (<usize> n << 2));
}

/** Frame of a vCPU's control block, 0 = none. */
export function fifo_control_mfn(d: Domain, vcpu: u32): u32 {
  return fifo_vcpu(event_state(d), vcpu).control_mfn;
}

/** Whether the domain has chosen the FIFO ABI. */
// @ts-ignore: decorator
@inline export function uses_fifo(d: Domain): bool {
  return event_state(d).fifo_on != 0;
}

/** Host address of a port's word; 0 while the array does not reach that far. */
function word_of(d: Domain, port: u32): usize {
  const e = event_state(d);
  const n = port / WORDS_PER_PAGE;
  if (n >= e.fifo_pages) return 0;
  return frame(fifo_page(d, n)) + (<usize> (port % WORDS_PER_PAGE) << 2);
}

// ---- setting up ------------------------------------------------------------------------------

/** Turns a domain to the FIFO ABI: what is pending now is raised again when its word exists. */
function begin(d: Domain): void {
  const e = event_state(d);
  memory.fill(e.fifo, 0, FIFO_SIZE);
  for (let n: u32 = 0; n < MAX_VCPUS; n++) {
    fifo_vcpu(e, n).tails = e.fifo + TAILS_AT + <usize> n * 64;
  }
  for (let port: u32 = 0; port < PORTS; port++) {
    const p = port_at(d, port);
    p.priority = DEFAULT_PRIORITY;
    p.last_vcpu = 0;
    p.last_priority = 0;
    p.missed = port && port < e.valid && is_pending(d, port) ? 1 : 0;
  }
  e.fifo_pages = 0;
  e.fifo_on = 1;
}

/**
 * EVTCHNOP_init_control: gives a vCPU its control block; the first one chooses the ABI for the domain.
 *
 * @returns 0; -ENOENT no such vCPU; -EINVAL an offset that is not a multiple of 8 or too near the page's
 *   end, a frame that the domain may not write, or a second block
 */
export function init_control(d: Domain, mfn: u64, offset: u32, vcpu: u32): i32 {
  if (!changetype<usize>(vcpu_of(d, vcpu))) return -ENOENT;
  if (offset > PAGE - CONTROL_SIZE || offset & 7 || mfn >> 32) return -EINVAL;
  if (uses_fifo(d) && fifo_control_mfn(d, vcpu)) return -EINVAL;
  if (get_page_and_type(<u32> mfn, d.id, T_WRITABLE)) return -EINVAL;
  if (!uses_fifo(d)) begin(d);
  const q = fifo_vcpu(event_state(d), vcpu);
  q.control_mfn = <u32> mfn;
  q.control = frame(<u32> mfn) + offset;
  return 0;
}

/**
 * EVTCHNOP_expand_array: adds a page of words. Events that came while theirs was missing are raised.
 *
 * @returns 0; -EOPNOTSUPP with the 2-level ABI; -ENOSPC with 128 pages already; -EINVAL for the frame
 */
export function expand_array(d: Domain, mfn: u64): i32 {
  const e = event_state(d);
  if (!uses_fifo(d)) return -EOPNOTSUPP;
  if (e.fifo_pages >= MAX_PAGES) return -ENOSPC;
  if (mfn >> 32 || get_page_and_type(<u32> mfn, d.id, T_WRITABLE)) return -EINVAL;
  store<u32>(e.fifo + (<usize> e.fifo_pages << 2), <u32> mfn);
  const first = e.fifo_pages++ * WORDS_PER_PAGE;
  for (let port = first; port < first + WORDS_PER_PAGE && port < e.valid; port++) {
    const p = port_at(d, port);
    if (!p.missed) continue;
    p.missed = 0;
    fifo_set_pending(d, vcpu_of(d, p.vcpu), port);
  }
  return 0;
}

/** EVTCHNOP_set_priority, of a valid port: counts from the next time the port is queued. 0 or -EINVAL. */
export function set_priority(d: Domain, port: u32, priority: u32): i32 {
  if (priority > MIN_PRIORITY) return -EINVAL;
  port_at(d, port).priority = priority;
  return 0;
}

/** Goes back to the 2-level ABI (EVTCHNOP_reset, and the end of a domain) and gives the pages up. */
export function fifo_end(d: Domain): void {
  const e = event_state(d);
  if (!e.fifo_on) return;
  for (let n: u32 = 0; n < MAX_VCPUS; n++) {
    const mfn = fifo_vcpu(e, n).control_mfn;
    if (mfn) put_page_and_type(mfn);
  }
  for (let n: u32 = 0; n < e.fifo_pages; n++) put_page_and_type(fifo_page(d, n));
  e.fifo_on = 0;
  e.fifo_pages = 0;
}

// ---- events ----------------------------------------------------------------------------------

/** Appends one word's port to another word; false when the guest has taken that one off already. */
function append(d: Domain, tail: u32, port: u32): bool {
  if (!tail) return false;
  const word = word_of(d, tail);
  if (!word || !(load<u32>(word) & WORD_LINKED)) return false;
  store<u32>(word, (load<u32>(word) & ~(WORD_BUSY | LINK_MASK)) | port);
  return true;
}

/** Puts a port at the end of its queue, unless it is masked, or in one already. */
function enqueue(d: Domain, v: Vcpu, port: u32, word: usize): void {
  const e = event_state(d);
  const q = fifo_vcpu(e, v.id);
  const value = load<u32>(word);
  if (!q.control_mfn || value & (WORD_MASKED | WORD_LINKED)) return;
  store<u32>(word, value | WORD_LINKED);
  const p: Port = port_at(d, port);
  // It may have been the last of another queue, which has no end then: nothing may follow it there.
  const old = fifo_vcpu(e, p.last_vcpu).tails + (<usize> p.last_priority << 2);
  if (load<u32>(old) == port) store<u32>(old, 0);
  p.last_vcpu = v.id;
  p.last_priority = p.priority;
  const tail = q.tails + (<usize> p.priority << 2);
  const behind = append(d, load<u32>(tail), port);
  store<u32>(tail, port);
  if (behind) return;
  store<u32>(q.control + CONTROL_HEADS + (<usize> p.priority << 2), port);
  const ready = load<u32>(q.control);
  const bit: u32 = 1 << p.priority;
  if (ready & bit) return;
  store<u32>(q.control, ready | bit);
  mark_upcall(v);
}

/** Makes a port pending, and queues it where that is due. */
export function fifo_set_pending(d: Domain, v: Vcpu, port: u32): void {
  const word = word_of(d, port);
  if (!word) {
    port_at(d, port).missed = 1;
    return;
  }
  const value = load<u32>(word);
  store<u32>(word, value | WORD_PENDING);
  enqueue(d, v, port, word);
  if (!(value & WORD_PENDING)) wake_pollers(d, port);
}

/** Clears a port's mask bit and queues it if it is pending. */
export function fifo_unmask(d: Domain, v: Vcpu, port: u32): void {
  const word = word_of(d, port);
  if (!word) return;
  const value = load<u32>(word);
  store<u32>(word, value & ~WORD_MASKED);
  if (value & WORD_PENDING) fifo_set_pending(d, v, port);
}

/** A closed port is not pending; it may stay in its queue until the guest takes it off. */
export function fifo_clear_pending(d: Domain, port: u32): void {
  port_at(d, port).missed = 0;
  const word = word_of(d, port);
  if (word) store<u32>(word, load<u32>(word) & ~WORD_PENDING);
}

export function fifo_is_pending(d: Domain, port: u32): bool {
  const word = word_of(d, port);
  return word != 0 && (load<u32>(word) & WORD_PENDING) != 0;
}

export function fifo_is_masked(d: Domain, port: u32): bool {
  const word = word_of(d, port);
  return word != 0 && (load<u32>(word) & WORD_MASKED) != 0;
}

/** Whether a free port is still in a queue, so that it cannot be given out again yet. */
export function fifo_is_busy(d: Domain, port: u32): bool {
  const word = word_of(d, port);
  return word != 0 && (load<u32>(word) & WORD_LINKED) != 0;
}
