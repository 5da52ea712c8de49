// Pages that turn into tables and back. No table in use is writable by anyone; so its page's own
// mapping becomes read-only first, and writable again when the hypervisor has let go of it.

import { DOMID_SELF, HYPERCALL, MMUEXT, PTE, UVMF } from "../../abi/numbers.ts";
import { MmuextOp } from "../../abi/structs.ts";
import { fn, if_, local, ret } from "../../asm/mod.ts";
import type { Value } from "../../asm/mod.ts";
import { mfn_of } from "../../kernel/memory.ts";
import { eachTable, Mm } from "../memory/address_space.ts";
import { noExecute } from "../memory/no_execute.ts";
import { PAGE_PINNED, pageOf } from "../memory/pages.ts";
import { batch, enter_lazy, LAZY, leave_lazy } from "./multicalls.ts";

/** (page, flags): maps a page of the kernel's map anew. */
const remap_page = fn("xen_remap_page", (page, flags) => {
  const mfn = local(mfn_of(page));
  batch(LAZY.mmu, HYPERCALL.update_va_mapping, 0, (args) => {
    args.at(0).set(page);
    args.at(1).set(mfn.shl(12).or(flags));
    args.at(2).set(mfn.shr(20).or(noExecute));
    args.at(3).set(UVMF.invlpg);
  });
});
export const protect_page = fn("xen_protect_page", (page) => void remap_page(page, PTE.readonly));
export const unprotect_page = fn("xen_unprotect_page", (page) => void remap_page(page, PTE.kernel));

/** Puts one mmuext_op into the batch. */
export function mmuext(
  lazy: number,
  cmd: number,
  arg1: Value | number,
  arg2: Value | number,
): void {
  batch(lazy, HYPERCALL.mmuext_op, MmuextOp.size / 4, (args, own) => {
    const op = MmuextOp.at(own);
    op.cmd.set(cmd);
    op.arg1.set(arg1);
    op.arg2.set(arg2);
    args.at(0).set(own);
    args.at(1).set(1);
    args.at(2).set(0);
    args.at(3).set(DOMID_SELF);
  });
}

export const markTable = (page: Value) => pageOf(page).flags.set(PAGE_PINNED);
const unmark = (page: Value) => pageOf(page).flags.set(0);

/** Emits `body` for every table of an address space. */
function everyTable(mm: Value, body: (page: Value) => void): void {
  const m = Mm.at(mm);
  for (const page of [m.top, m.kernel, m.user]) if_(page.ne(0), () => body(page));
  if_(m.user.ne(0), () => eachTable(mm, (table) => body(table)));
}

/** (mm): its tables become the hypervisor's to keep: read-only first, then pinned as one. */
export const pin_mm = fn("xen_pin_mm", (mm) => {
  enter_lazy(LAZY.mmu);
  everyTable(mm, (page) => {
    protect_page(page);
    markTable(page);
  });
  mmuext(LAZY.mmu, MMUEXT.pin_l3, mfn_of(Mm.at(mm).top), 0);
  leave_lazy(LAZY.mmu);
});

/** (mm): the other way round. */
export const unpin_mm = fn("xen_unpin_mm", (mm) => {
  if_(pageOf(Mm.at(mm).top).flags.and(PAGE_PINNED).eq(0), () => ret());
  enter_lazy(LAZY.mmu);
  mmuext(LAZY.mmu, MMUEXT.unpin, mfn_of(Mm.at(mm).top), 0);
  everyTable(mm, (page) => {
    unprotect_page(page);
    unmark(page);
  });
  leave_lazy(LAZY.mmu);
});

/** (mm, page): a page joins the tables of an address space, which may be pinned already. */
export const xen_alloc_table = fn("xen_alloc_table", (mm, page) => {
  if_(pageOf(Mm.at(mm).top).flags.and(PAGE_PINNED).eq(0), () => ret());
  protect_page(page);
  markTable(page);
});

/** (page): a page that was taken out of the tables. */
export const xen_release_table = fn("xen_release_table", (page) => {
  if_(pageOf(page).flags.and(PAGE_PINNED).eq(0), () => ret());
  unprotect_page(page);
  unmark(page);
});

/** Whether the page that an address lies in is a table in use. */
export const isTable = (address: Value): Value => pageOf(address).flags.and(PAGE_PINNED);
