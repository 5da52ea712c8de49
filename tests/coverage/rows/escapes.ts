/** Ways out of a PV guest that real Xen once left open. */
import { rowsOf, type Section } from "../row.ts";

export const ESCAPES: Section = {
  title: "Past escapes",
  about:
    "Each advisory's way is tried by a guest, and refused. Numbers are those of xenbits.xen.org/xsa.",
  rows: rowsOf("xsa", {
    7: ["iret and callbacks to the hypervisor's addresses", "cb.set_callbacks_hole crash.iret*"],
    148: ["a superpage by a change of flags in an L2 entry", "mmu.l2_bit7"],
    182: ["a read-only entry made writable by its flags", "mmu.l1_change*"],
    185: ["an L3 that names an L3", "mmu.l3_own_l3 pin.l3_self"],
    194: "an image's symbol table that goes beyond what was read",
    212: ["exchange that goes on from a count of the guest's choice", "mem.exchange_badptr"],
    213: ["a multicall that leaves the kernel half way", "multi.iret*"],
    214: "a table that changes its owner and stays a table",
    215: "a failsafe frame at an address of the guest's choice",
    221: ["event ports that do not exist", "sched.poll_5000"],
    224: ["a grant unmapped twice, or in two parts", "gnt.unmap_again"],
    227: "a grant mapped over two entries",
    231: "NUMA nodes that do not exist",
    232: "cache flushes of addresses that are nobody's",
    234: "a grant unmapped in halves",
    255: "status frames that are mapped when version 1 comes back",
    286: "stale translations after an L2 or L3 update",
    296: ["a vCPU's context that does not hold", "smp.init*"],
    298: [
      "descriptors and gates beyond their table's limit",
      "ldt.load_beyond ldt.load_past_limit",
    ],
    299: ["a validation that fails half way", "pin.other_after_failed"],
    310: "a validation that fails half way, again and again",
    317: ["event ports and their vCPUs, closed while in use", "evt.close*"],
    339: "SYSENTER with NT or TF: one exception, not two",
    401: "a page that becomes a table while the TLB has it writable",
  }),
};
