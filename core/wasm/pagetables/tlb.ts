// The software TLB: flushing, and what must leave it at once.
//
// For each frame, page_info remembers the TLB slot through which it may be written (the high half of
// `type`: slot + 1, or SEVERAL). So when a frame becomes a table or descriptor page, the licence to
// write to it is found and revoked without a look at 4096 entries, whichever address space it was in.
import { note_tlb_change } from "../cpu/state";
import { current, current_domain, Domain } from "../domains/domain";
import {
  C_TLB_SPREAD,
  CPU,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_NEVER,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { frame, page, WRITERS_SHIFT } from "../frames/page";
import {
  address_space_enter,
  address_space_renew,
  page_was_executed,
  tables_changed,
} from "./address_space";

export { cpu_commit } from "./commit";

const SEVERAL: u32 = 0xffff;

/** The TLB entry that a linear address of the running address space uses. */
// @ts-ignore: decorator
@inline

export function tlb_entry(address: u64): usize {
  return TLB + (((<usize> (address >> 12) & (TLB_ENTRIES - 1)) << 5) ^ <usize> load<u32>(CPU + C_TLB_SPREAD));
}

/** Notes that the TLB entry for an address is about to allow writes to a frame. */
// @ts-ignore: decorator
@inline

export function tlb_note_writer(mfn: u32, address: u64): void {
  const p = page(mfn);
  const slot: u32 = <u32> ((tlb_entry(address) - TLB) >> 5) + 1;
  const old = p.type >> WRITERS_SHIFT;
  if (old == slot) return;
  p.type = (p.type & 0xffff) | (old ? SEVERAL : slot) << WRITERS_SHIFT;
}

/**
 * Revokes every licence to write straight to a frame: it becomes a table or descriptor page, or
 * instructions were decoded from it.
 */
export function tlb_drop_writers(mfn: u32): void {
  const p = page(mfn);
  const where = p.type >> WRITERS_SHIFT;
  p.type &= 0xffff;
  if (where == 0) return;
  note_tlb_change();
  if (where != SEVERAL) {
    drop_writer(TLB + ((<usize> where - 1) << 5), mfn);
    return;
  }
  for (let e: usize = TLB; e < <usize> TLB + TLB_ENTRIES * TLB_ENTRY_SIZE; e += TLB_ENTRY_SIZE) {
    drop_writer(e, mfn);
  }
}

// @ts-ignore: decorator
@inline

function drop_writer(e: usize, mfn: u32): void {
  const tag = load<u64>(e + TLB_WRITE);
  if (<u32> (tag & ~0xfff) + load<u32>(e + TLB_ADDEND) != <u32> frame(mfn)) return;
  store<u64>(e + TLB_WRITE, TLB_NEVER);
}

/** Flushes every address space of a domain. */
export function tlb_flush_all(d: Domain): void {
  tables_changed(d);
  tlb_flush_unmapped(d);
}

/** Flushes what changes of a domain's tables made stale; costs nothing if there were none. */
export function tlb_flush_unmapped(d: Domain): void {
  if (changetype<usize>(current) && current_domain === d) address_space_enter(current);
}

/** Flushes the running vCPU's address space, as a CR3 load does. */
export function tlb_flush_current(): void {
  if (changetype<usize>(current)) address_space_enter(current);
}

/** INVLPG: forgets one page of the running vCPU's address space. */
export function tlb_flush_page(address: u64): void {
  const e = tlb_entry(address);
  note_tlb_change();
  store<u64>(e + TLB_READ, TLB_NEVER);
  store<u64>(e + TLB_WRITE, TLB_NEVER);
  if (page_was_executed(address)) address_space_renew(current);
}
