// What the toolstack does with a domain's memory: give it frames, take all of them back.
import { in_mailbox } from "../abi";
import { EFAULT, EINVAL, ENOMEM } from "../errno";
import { Domain, domain_by_id, DOMID_NONE, vcpu_of } from "../domains/domain";
import { drop_table } from "../pagetables/cr3";
import { set_gdt } from "../segments/gdt";
import { drop_ldt } from "../segments/ldt";
import { alloc_frame, free_frame } from "./alloc";
import { m2p_set } from "./m2p";
import { page, PG_PINNED } from "./page";
import { put_page, put_page_and_type } from "./refs";

/**
 * Gives a domain `count` zeroed frames as pfn, pfn + 1, … Its memory map reaches to the highest pfn
 * it was ever given so.
 *
 * @param out where in the mailbox their mfns go, one u32 each
 * @returns 0; -EINVAL for no such domain; -EFAULT when they have no room there; -ENOMEM when the machine or max_pages is exhausted (those
 *   given so far stay the domain's)
 */
export function domain_populate(domid: u32, pfn: u32, count: u32, out: usize): i32 {
  const d = domain_by_id(domid);
  if (!changetype<usize>(d)) return -EINVAL;
  if (!in_mailbox(out, <u64> count << 2)) return -EFAULT;
  for (let i: u32 = 0; i < count; i++) {
    const mfn = alloc_frame(domid);
    if (!mfn) return -ENOMEM;
    m2p_set(mfn, pfn + i);
    store<u32>(out + (<usize> i << 2), mfn);
  }
  if (pfn + count > d.memory_map_pages) d.memory_map_pages = pfn + count;
  return 0;
}

/** Frames of a domain, the hypervisor's that it shares included; 0 for no such domain. */
export function domain_frames(domid: u32): u32 {
  const d = domain_by_id(domid);
  if (!changetype<usize>(d)) return 0;
  let n = d.tot_pages;
  for (let mfn = d.xen_page_list; mfn; mfn = page(mfn).next) n++;
  return n;
}

/**
 * Takes all memory back from a domain that will not run again: its vCPUs' references first, then the
 * pins, then the allocations. A frame that another domain still maps is free when that mapping goes.
 *
 * @returns 0, or -EINVAL for no such domain
 */
export function domain_relinquish(domid: u32): i32 {
  const d = domain_by_id(domid);
  if (!changetype<usize>(d)) return -EINVAL;
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    if (!changetype<usize>(v)) continue;
    drop_table(v);
    drop_ldt(v);
    set_gdt(v, v.gdt_frames, 0);
    if (v.vcpu_info_mfn) put_page_and_type(v.vcpu_info_mfn);
    v.vcpu_info_mfn = 0;
  }
  unpin_all(d);
  free_list(d.page_list);
  free_list(d.xen_page_list);
  disinherit(d.page_list);
  disinherit(d.xen_page_list);
  d.page_list = 0;
  d.xen_page_list = 0;
  d.tot_pages = 0;
  return 0;
}

/** What others still map is nobody's from now on: the domain's number will be another's. */
function disinherit(first: u32): void {
  for (let mfn = first; mfn; ) {
    const p = page(mfn);
    mfn = p.next;
    p.owner = DOMID_NONE;
    p.next = 0;
    p.prev = 0;
  }
}

function free_list(first: u32): void {
  for (let mfn = first; mfn;) {
    const next = page(mfn).next;
    free_frame(mfn);
    mfn = next;
  }
}

function unpin_all(d: Domain): void {
  // unpinning frees nothing: every frame of the list still has its allocation or another's mapping
  for (let mfn = d.page_list; mfn;) {
    const p = page(mfn);
    p.count++;
    if (p.type & PG_PINNED) {
      p.type &= ~PG_PINNED;
      put_page_and_type(mfn);
    }
    const next = p.next;
    put_page(mfn);
    mfn = next;
  }
}
