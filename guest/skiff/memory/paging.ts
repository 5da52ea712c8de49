// Start of day: from the tables that the builder made to tables of the kernel's own.
//
// The builder's tables are the template. What they map stays mapped; memory that they leave out gets
// mappings where there are none; rights change where they may. Then a top level and a level 2 table of
// the kernel's own take over their entries, are made read-only, pinned, and switched to, and the two
// pages that they replace are memory again.

import { PTE, VIRT_BASE } from "../../abi/numbers.ts";
import {
  array,
  fn,
  for_,
  if_,
  local,
  localOf,
  ret,
  sectionStart,
  u32,
  u64,
  while_,
} from "../../asm/mod.ts";
import { hypercallPage } from "../../kernel/hypercalls.ts";
import { alloc_page, mappedEnd } from "../../kernel/memory.ts";
import { panic } from "../../kernel/panic.ts";
import { sharedInfoPage } from "../../kernel/state.ts";
import { copy } from "../../kernel/strings.ts";
import { pvCpu, pvInit, pvMmu } from "../paravirt/ops.ts";
import { entryAt, kernelMm, NX, page_of_entry, set_table } from "./address_space.ts";
import { LOW_PAGES, SCRATCH, SCRATCH_END } from "./layout.ts";
import { noExecute } from "./no_execute.ts";
import { ENTRIES, PAGE, pages_init, put_page } from "./pages.ts";

const EXTENDED = 0x80000001, NX_BIT = 1 << 20;
const no_execute_init = fn("no_execute_init", () => {
  const leaf = localOf(array(u32, 4));
  pvCpu.call.cpuid(EXTENDED, 0, leaf.address);
  if_(leaf.at(3).and(NX_BIT).ne(0), () => noExecute.set(0x80000000));
});

/** (address): the level 1 entry for a kernel address, or 0. */
export const kernel_pte = fn("kernel_pte", (address) => {
  const level1 = local(page_of_entry(entryAt(kernelMm.kernel, address.shr(21).and(511))));
  if_(level1.eq(0), () => ret(0));
  ret(entryAt(level1, address.shr(12).and(511)));
});

/** (address, pages): a level 1 table for 2 MiB; it maps those of its pages that there are. */
const new_mappings = fn("new_mappings", (address, pages) => {
  const table = local(alloc_page());
  const first = local(address.minus(VIRT_BASE).shr(12));
  for_(0, ENTRIES, (i) => {
    if_(first.plus(i).lt(pages), () => {
      pvMmu.call.make_pte(entryAt(table, i), first.plus(i), PTE.kernel | NX);
    });
  });
  hang_table(entryAt(kernelMm.kernel, address.shr(21).and(511)), table);
});

/** (entry, page): a page with what it is to hold becomes a table. Its own mapping turns read-only. */
const hang_table = fn("hang_table", (entry, page) => {
  set_kernel_rights(page, PTE.readonly | NX);
  set_table(entry, page, PTE.table);
});

/** (address, flags): what may be done with a page of the kernel's. */
const set_kernel_rights = fn("set_kernel_rights", (address, flags) => {
  const value = localOf(u64);
  pvMmu.call.make_pte(value.address, address.minus(VIRT_BASE).shr(12), flags);
  pvMmu.call.set_pte(kernel_pte(address), value.low, value.high);
});

/** The kernel's code cannot be written to, its data not executed; the hypercall page both can be. */
const protect_image = fn("protect_image", (end) => {
  const address = local(VIRT_BASE);
  pvMmu.call.enter_lazy();
  while_(() => address.lt(end), () => {
    const flags = local(PTE.kernel | NX);
    if_(address.lt(sectionStart("data")), () => flags.set(PTE.readonly));
    if_(address.eq(hypercallPage), () => flags.set(PTE.kernel));
    // Over this one's page the hypervisor's is mapped.
    if_(address.ne(sharedInfoPage), () => void set_kernel_rights(address, flags));
    address.add(PAGE);
  });
  pvMmu.call.leave_lazy();
});

/** Fills top level and level 2 tables of the kernel's own from the builder's. */
const own_tables = fn("own_tables", () => {
  kernelMm.top.set(alloc_page());
  const level2 = local(alloc_page());
  copy(level2, kernelMm.kernel, PAGE);
  kernelMm.kernel.set(level2);
  set_table(entryAt(kernelMm.top, 3), level2, PTE.present);
});

/** (boot tables): what is left of them is memory. */
const release_boot_tables = fn("release_boot_tables", (oldTop) => {
  const oldKernel = local(page_of_entry(entryAt(oldTop, 3)));
  for (const page of [oldKernel, oldTop]) pvMmu.call.release_table(page);
  for (const page of [oldKernel, oldTop]) put_page(page);
});

/** All of it. Returns the number of pages. */
export const paging_init = fn("paging_init", () => {
  no_execute_init();
  const boot = local(pvMmu.call.read_cr3());
  kernelMm.kernel.set(page_of_entry(entryAt(boot, 3)));
  pvInit.call.pagetable_start();
  const pages = local(pvInit.call.memory_setup());
  if_(pages.gt(LOW_PAGES), () => pages.set(LOW_PAGES));
  protect_image(mappedEnd);
  const end = local(pages.shl(12).plus(VIRT_BASE));
  while_(() => mappedEnd.lt(end), () => {
    new_mappings(mappedEnd, pages);
    mappedEnd.add(PAGE * ENTRIES);
  });
  // 0 is the end of the address space.
  const top = local(pvInit.call.reserve_top().minus(1));
  if_(top.lt(SCRATCH_END), () => void panic("no room for the kernel's own addresses"));
  new_mappings(SCRATCH, 0);
  own_tables();
  pages_init(pages);
  pvMmu.call.activate_mm(kernelMm.address);
  pvMmu.call.write_cr3(kernelMm.top);
  pvInit.call.pagetable_done();
  release_boot_tables(boot);
  ret(pages);
});
