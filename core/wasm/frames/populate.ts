// What the toolstack does with a domain's memory: give it frames. relinquish.ts takes them back.
import { in_mailbox } from "../abi";
import { EFAULT, EINVAL, ENOMEM } from "../errno";
import { domain_by_id } from "../domains/domain";
import { alloc_frame } from "./alloc";
import { m2p_set } from "./m2p";
import { page } from "./page";

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
