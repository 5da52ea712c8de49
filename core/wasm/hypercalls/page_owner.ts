// The "foreign domain" argument of the memory hypercalls.
//
// Only domains with privilege over others may use it; no guest here has that. What is left is what
// real Xen answers to one that tries (xen/arch/x86/mm.c get_pg_owner; golden mmu.dom_*, mmuext.dom_*).
import { EPERM, ESRCH } from "../errno";
import { current_domain, domain_by_id, DOMID_IO, DOMID_SELF, DOMID_XEN } from "../domains/domain";

/** True if a domain of that number exists: domain 0, the host's side, always does. */
export function domain_exists(domid: u32): bool {
  return domid == 0 || changetype<usize>(domain_by_id(domid)) != 0;
}

/**
 * Looks up whose frames a call is about.
 *
 * @param domid 16 bits; the caller's own number is not accepted in place of DOMID_SELF
 * @returns the caller's domain number, DOMID_IO, -EPERM for another domain or Xen itself, or -ESRCH
 */
export function page_owner(domid: u32): i32 {
  if (domid == DOMID_SELF) return current_domain.id;
  if (domid == current_domain.id) return -ESRCH;
  if (domid == DOMID_IO) return DOMID_IO;
  if (domid == DOMID_XEN || domain_exists(domid)) return -EPERM;
  return -ESRCH;
}
