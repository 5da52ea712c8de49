// Start of day in a Xen domain.

import { MACH2PHYS, MMUEXT } from "../../abi/numbers.ts";
import { fn, for_, global, if_, local, ret, u32 } from "../../asm/mod.ts";
import { show_banner } from "../../kernel/banner.ts";
import { xen_setup_features } from "../../kernel/features.ts";
import { mfn_of } from "../../kernel/memory.ts";
import { panic } from "../../kernel/panic.ts";
import { startInfo } from "../../kernel/state.ts";
import { entryAt, kernelMm, page_of_entry } from "../memory/address_space.ts";
import { eventCallback, failsafeCallback } from "../process/entries.ts";
import { LAZY } from "./multicalls.ts";
import { pvMmu } from "./ops.ts";
import { register_callbacks } from "./xen_callbacks.ts";
import { xen_set_entry, xen_set_pte_init } from "./xen_mmu.ts";
import { markTable, mmuext } from "./xen_tables.ts";

export const xen_banner = fn("xen_banner", () => void show_banner());
export const xen_memory_setup = fn("xen_memory_setup", () => ret(startInfo.nr_pages));
/** The kernel ends where the machine-to-physical table begins. */
export const xen_reserve_top = fn("xen_reserve_top", () => ret(MACH2PHYS));

export const xen_arch_setup = fn("xen_arch_setup", () => {
  xen_setup_features();
  if_(register_callbacks(eventCallback, failsafeCallback).ne(0), () => {
    panic("callbacks are not accepted");
  });
});

const bootTables = global("xen_boot_tables", u32);

/** No page is known yet: every entry is changed by asking, and read-only pages stay so. */
export const xen_pagetable_start = fn("xen_pagetable_start", () => {
  bootTables.set(startInfo.pt_base);
  pvMmu.replace("set_pte", xen_set_pte_init);
  pvMmu.replace("set_pmd", xen_set_pte_init);
});

/** (table, entries): the tables that the entries of a level 2 table name are in use. */
const mark_tables = fn("xen_mark_tables", (table, entries) => {
  for_(0, entries, (i) => {
    const below = local(page_of_entry(entryAt(table, i)));
    if_(below.ne(0), () => void markTable(below));
  });
});
/** Entries of the kernel's level 2 table that are ours: the hypervisor's come behind them. */
const OWN_ENTRIES = MACH2PHYS >>> 21 & 511;

/** The kernel's own tables are in use: the builder's are let go, and entries change as they do later. */
export const xen_pagetable_done = fn("xen_pagetable_done", () => {
  mmuext(LAZY.none, MMUEXT.unpin, mfn_of(bootTables), 0);
  markTable(bootTables);
  mark_tables(bootTables, 4);
  mark_tables(kernelMm.kernel, OWN_ENTRIES);
  pvMmu.replace("set_pte", xen_set_entry);
  pvMmu.replace("set_pmd", xen_set_entry);
});
