// The end of a domain: everything it held goes back.
import { ESRCH } from "../errno";
import { close_all } from "../events/close";
import { put_page_and_type } from "../frames/refs";
import { set_gdt } from "../segments/gdt";
import { DOM_DEAD, Domain, domain_by_id, vcpu_of } from "./domain";

/**
 * Destroys a domain: channels are closed (their other ends fall back to unbound), tables given up,
 * memory freed. Its number stays unused until the others have had their turn.
 *
 * @returns 0 or -ESRCH
 */
export function domain_destroy(domid: u32): i32 {
  const d: Domain = domain_by_id(domid);
  if (!changetype<usize>(d) || d.state == DOM_DEAD) return -ESRCH;
  close_all(d);
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    set_gdt(v, v.gdt_frames, 0);
    if (v.vcpu_info_mfn) put_page_and_type(v.vcpu_info_mfn);
    v.vcpu_info_mfn = 0;
  }
  if (d.pirq_eoi_mfn) put_page_and_type(d.pirq_eoi_mfn);
  d.state = DOM_DEAD;
  return 0;
}
