// Address-space numbers: what a TLB entry or jump cache entry belongs to.
//
// A number stands for (top-level table, state of the domain's tables). A domain's state is a stamp
// that changes whenever a present entry of one of its tables changes or a table stops being one. So
// the translations under a number whose stamp is still the domain's are exactly what a walk would
// give, and a switch back to that table may go on using them; else the switch takes a new number,
// which is how the TLB is flushed: nothing is cleared until the numbers run out.
//
// Between a change and the guest's flush the running vCPU may use what it has cached, as on a real
// CPU. What may never be stale, who can write to a frame and whose frame it is, does not rest on
// this: see tlb_drop_writers and release_frame.
import { cpl, note_tlb_change, tag_changed } from "../cpu/state";
import { current, current_domain, Domain, Vcpu } from "../domains/domain";
import {
  C_TLB_SPREAD,
  C_TLB_TAG,
  CPU,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_ENTRY_SIZE,
  TLB,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_NEVER,
  TLB_READ,
  TLB_SPREAD,
  TLB_WRITE,
} from "../layout";

/** Numbers go from 1 to LAST; 0x7ff would make a tag that equals TLB_NEVER. */
const LAST: u32 = 0x7fe;
const HASH: u32 = 4096;

const table_of: usize = memory.data(2048 * 4); // top-level mfn, by number
const stamp_of: usize = memory.data(2048 * 8); // Domain.table_changes when it was given
const by_table: usize = memory.data(4096 * 2); // newest number, by hash of the mfn
/** By page number mod 4096: the address space that code was run from there in, SEVERAL, or 0. */
const executed: usize = memory.data(4096 * 2);
const SEVERAL: u16 = 0xffff;

let next: u32 = 1;
let stamp: u64 = 0;

/** Notes that a translation of the domain's may have changed or gone. */
// @ts-ignore: decorator
@inline

export function tables_changed(d: Domain): void {
  d.table_changes = ++stamp;
}

/** The number for a table of a domain, good until the domain's tables change. */
// @ts-ignore: decorator
@inline function number_for(d: Domain, mfn: u32): u32 {
  if (d.table_changes == 0) tables_changed(d);
  const slot = by_table + (<usize> (mfn & (HASH - 1)) << 1);
  let n: u32 = load<u16>(slot);
  if (
    n && load<u32>(table_of + (<usize> n << 2)) == mfn &&
    load<u64>(stamp_of + (<usize> n << 3)) == d.table_changes
  ) return n;
  if (next > LAST) tlb_reset();
  n = next++;
  store<u32>(table_of + (<usize> n << 2), mfn);
  store<u64>(stamp_of + (<usize> n << 3), d.table_changes);
  store<u16>(slot, <u16> n);
  return n;
}

/**
 * Makes the CPU use a vCPU's address space: after its registers were made current, after its CR3
 * changed, and to flush. Translations cached before that could be stale are out of reach then.
 */
// @ts-ignore: decorator
@inline export function address_space_enter(v: Vcpu): void {
  const n = v.cr3_mfn ? number_for(changetype<Domain>(v.domain), v.cr3_mfn) : 0;
  v.address_space = n;
  const tag = n << 1 | (cpl() == 3 ? 1 : 0);
  const old = load<u32>(CPU + C_TLB_TAG);
  if (old == tag) return;
  store<u32>(CPU + C_TLB_TAG, tag);
  store<u32>(CPU + C_TLB_SPREAD, (n * TLB_SPREAD & (TLB_ENTRIES - 1)) << 5);
  if ((old ^ tag) & ~1) note_tlb_change();
  tag_changed();
}

/** Gives the running vCPU a new number although nothing in its tables changed. */
export function address_space_renew(v: Vcpu): void {
  store<u16>(by_table + (<usize> (v.cr3_mfn & (HASH - 1)) << 1), 0);
  address_space_enter(v);
}

/** Empties the TLB and the jump cache and starts the numbers anew. */
export function tlb_reset(): void {
  note_tlb_change();
  for (let e: usize = TLB; e < <usize> TLB + TLB_ENTRIES * TLB_ENTRY_SIZE; e += TLB_ENTRY_SIZE) {
    store<u64>(e + TLB_READ, TLB_NEVER);
    store<u64>(e + TLB_WRITE, TLB_NEVER);
  }
  memory.fill(JUMP_CACHE, 0xff, JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY_SIZE);
  memory.fill(by_table, 0, HASH * 2);
  memory.fill(executed, 0, HASH * 2);
  next = 1;
}

/** Notes that the jump cache may come to hold code of a page. */
export function page_executed(address: u64): void {
  const at = executed + <usize> ((address >> 12 & (HASH - 1)) << 1);
  const n = <u16> (load<u32>(CPU + C_TLB_TAG) >> 1);
  const old = load<u16>(at);
  if (old != n) store<u16>(at, old ? SEVERAL : n);
}

/** True if the jump cache may hold code of a page for the running address space. */
export function page_was_executed(address: u64): bool {
  const old = load<u16>(executed + <usize> ((address >> 12 & (HASH - 1)) << 1));
  return old == SEVERAL || (old != 0 && old == <u16> (load<u32>(CPU + C_TLB_TAG) >> 1));
}

/** True if a TLB tag belongs to an address space that can still be entered, or is in use (audit). */
export function tag_reachable(tag: u32, d: Domain): bool {
  const n = tag >> 1;
  if (changetype<usize>(current) && n == load<u32>(CPU + C_TLB_TAG) >> 1) return current_domain === d;
  return n != 0 && n < next && load<u64>(stamp_of + (<usize> n << 3)) == d.table_changes;
}
