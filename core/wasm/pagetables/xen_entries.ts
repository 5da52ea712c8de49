// The hypervisor's own entries in a 32-bit guest's slot-3 L2: the machine-to-phys table, read-only
// and for rings below 3, in 2 MiB pages. Where the machine has no RAM there is no entry, and reads
// fault. Rules: shared/pv-abi.md §2.3, §7.3 (Xen: init_xen_pae_l2_slots).
import { frame_written } from "../cpu/code";
import { m2p_block } from "../frames/m2p";
import { first_fresh } from "../frames/pool";
import { frame, page, PG_PAE_XEN_L2, PG_VALIDATED, T_L2 } from "../frames/page";
import { A, FIRST_XEN_SLOT, P, PSE } from "./pte";

/** Entry n of the hypervisor's part (n counts from 0xF5800000 in 2 MiB steps). */
export function xen_entry(n: u32): u64 {
  const block = m2p_block(n);
  return block ? (<u64> block << 12) | P | PSE | A : 0;
}

/** Writes the hypervisor's entries into an L2 that slot 3 of an L3 is about to name. */
export function xen_entries_write(mfn: u32): void {
  const at = frame(mfn) + (FIRST_XEN_SLOT << 3);
  for (let n: u32 = 0; n < 512 - FIRST_XEN_SLOT; n++) {
    store<u64>(at + (<usize> n << 3), xen_entry(n));
  }
  if (page(mfn).code) frame_written(mfn, FIRST_XEN_SLOT << 3, 4096 - (FIRST_XEN_SLOT << 3));
}

/**
 * Writes them again into all L2s in use, when the machine-to-phys table has grown. What is known of frames never used is
 * not looked at: its memory is none of the host's yet, who would take tens of milliseconds to find it.
 */
export function xen_entries_refresh(): void {
  const want = T_L2 | PG_PAE_XEN_L2 | PG_VALIDATED;
  const asked = 0xff | PG_PAE_XEN_L2 | PG_VALIDATED;
  for (let mfn: u32 = 1; mfn < first_fresh(); mfn++) {
    // a table is PG_VALIDATED only as long as it is in use
    if ((page(mfn).type & asked) == want) xen_entries_write(mfn);
  }
}
