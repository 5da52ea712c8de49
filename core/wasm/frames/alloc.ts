// Who a frame belongs to: from the pool to a domain and back.
import { frame_written } from "../cpu/code";
import { Domain, domain_by_id } from "../domains/domain";
import { tlb_flush_current, tlb_flush_unmapped } from "../pagetables/tlb";
import { M2P_INVALID, m2p_set } from "./m2p";
import {
  page,
  PG_ALLOCATED,
  PG_GRANTED,
  PG_VALIDATED,
  PG_XEN_HEAP,
  T_WRITABLE,
  WRITERS_SHIFT,
} from "./page";
import { put_back, take_any, take_run } from "./pool";

export { m2p_get, m2p_set } from "./m2p";

/** Makes a frame `domid`'s, with nothing but its allocation reference. */
function give(mfn: u32, domid: u32): void {
  const p = page(mfn);
  p.count = 1;
  p.type = (p.type & 0xffff << WRITERS_SHIFT) | PG_ALLOCATED;
  p.type_count = 0;
  p.owner = domid;
  p.linear = 0;
  p.next = 0;
  p.prev = 0;
}

function link(mfn: u32, d: Domain): void {
  const p = page(mfn);
  p.next = d.page_list;
  if (p.next) page(p.next).prev = mfn;
  d.page_list = mfn;
  d.tot_pages++;
}

function unlink(mfn: u32, d: Domain): void {
  const p = page(mfn);
  const xen = (p.type & PG_XEN_HEAP) != 0;
  if (p.prev) page(p.prev).next = p.next;
  else if (xen) d.xen_page_list = p.next;
  else d.page_list = p.next;
  if (p.next) page(p.next).prev = p.prev;
  if (!xen) d.tot_pages--;
}

/**
 * A zeroed frame with its allocation reference, counted against the owner's max_pages.
 *
 * @param domid a domain, or a number that is none (DOMID_XEN), for which nothing is counted
 * @returns its mfn; 0 = none left, or the domain has all it may have
 */
export function alloc_frame(domid: u32): u32 {
  return alloc_run(domid, 0);
}

/** The first of 2^order zeroed neighbouring frames, as alloc_frame. */
export function alloc_run(domid: u32, order: u32): u32 {
  const d = domain_by_id(domid);
  const known = changetype<usize>(d) != 0;
  const n: u32 = 1 << order;
  if (known && (d.tot_pages >= d.max_pages || d.max_pages - d.tot_pages < n)) return 0;
  const mfn = take_run(order);
  if (!mfn) return 0;
  for (let i: u32 = 0; i < n; i++) {
    give(mfn + i, domid);
    if (known) link(mfn + i, d);
    m2p_set(mfn + i, M2P_INVALID);
  }
  return mfn;
}

/**
 * A zeroed frame of the hypervisor's that the domain may map and write (shared_info, grant frames):
 * it has no pfn, does not count as the domain's memory, and the guest cannot give it away. It is in
 * use as writable for good, so that it can be no table.
 */
export function alloc_xen_frame(domid: u32): u32 {
  const mfn = take_any();
  if (!mfn) return 0;
  const p = page(mfn);
  give(mfn, domid);
  p.type |= T_WRITABLE | PG_VALIDATED | PG_XEN_HEAP;
  p.type_count = 1;
  const d = domain_by_id(domid);
  if (changetype<usize>(d)) {
    p.next = d.xen_page_list;
    if (p.next) page(p.next).prev = mfn;
    d.xen_page_list = mfn;
  }
  m2p_set(mfn, M2P_INVALID);
  return mfn;
}

/**
 * Gives up the allocation reference of a frame. It is free at once, or when the last mapping goes.
 * A second call for the same frame does nothing.
 */
export function free_frame(mfn: u32): void {
  const p = page(mfn);
  if (!(p.type & PG_ALLOCATED)) return;
  p.type &= ~PG_ALLOCATED;
  if (p.type & PG_XEN_HEAP) p.type_count--;
  if (--p.count == 0) release_frame(mfn);
}

/** What put_page does when the last reference goes. */
export function release_frame(mfn: u32): void {
  const d = domain_by_id(page(mfn).owner);
  if (changetype<usize>(d)) {
    unlink(mfn, d);
    tlb_flush_unmapped(d);
  }
  // the last mapping may have been another domain's, by a grant: then it is that one who runs
  if (page(mfn).type & PG_GRANTED) tlb_flush_current();
  scrap_frame(mfn);
}

/** Takes a frame from its domain, for the time being: nobody's, but not free. */
export function disown_frame(mfn: u32, d: Domain): void {
  unlink(mfn, d);
  page(mfn).count = 0;
}

/** Gives a disowned frame back. */
export function reown_frame(mfn: u32, d: Domain): void {
  give(mfn, d.id);
  link(mfn, d);
}

/** Puts an unowned frame into the pool: no decoded instruction and no pfn outlives its use. */
export function scrap_frame(mfn: u32): void {
  const p = page(mfn);
  p.count = 0;
  p.type &= 0xffff << WRITERS_SHIFT;
  p.type_count = 0;
  if (p.code) frame_written(mfn, 0, 4096);
  m2p_set(mfn, M2P_INVALID);
  put_back(mfn);
}
