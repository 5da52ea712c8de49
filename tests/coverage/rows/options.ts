/** Options of a domain. */
import { rowsOf, type Section } from "../row.ts";

export const OPTIONS: Section = {
  title: "Domain options",
  about: "`--option NAME`, `core/host/options.ts`.",
  rows: rowsOf("option", {
    console_io: ["off: -EPERM as in a release build", "cons.*"],
    writable_l2: "stores into live L2 pages are checked and emulated",
    xen32_limits: "segments end below the hypervisor, failsafe as in 2007",
    cpuid_faulting: "the kernel may have CPUID fault in its programs",
    msr_relaxed: "MSRs that exist and are refused read 0 and take writes",
    gnttab_v2: ["off: version 1 only", "gnt.set_version2"],
  }),
};
