// Page tables: read-only, checked, pinned; and the special set_pte of the start.

import { EFAULT } from "../../abi/errors.ts";
import { DOMID_SELF, MMU, MMUEXT, PTE } from "../../abi/numbers.ts";
import { MmuextOp, MmuUpdate } from "../../abi/structs.ts";
import { fn, local, localOf, ret, u32, u64 } from "../../asm/mod.ts";
import { mmu_update, mmuext_op } from "../../kernel/hypercalls.ts";
import { map_frame, mfn_of, poke, va_of } from "../../kernel/memory.ts";
import { entryAt, kernelMm, NX, page_of_entry } from "../memory/address_space.ts";
import { SCRATCH } from "../memory/layout.ts";
import { noExecute } from "../memory/no_execute.ts";
import { need_page, pfnOf, put_page } from "../memory/pages.ts";
import { kernel_pte } from "../memory/paging.ts";
import { pvMmu } from "../paravirt/ops.ts";
import { xen_set_pte_init } from "../paravirt/xen_mmu.ts";
import { protect_page, unprotect_page } from "../paravirt/xen_tables.ts";
import { subject } from "./check.ts";

/** (cmd, page): one mmuext_op on a page of ours; its result. */
export const mmuext_page = fn("check_mmuext", (cmd, page) => {
  const op = localOf(MmuextOp);
  op.cmd.set(cmd);
  op.arg1.set(mfn_of(page));
  op.arg2.set(0);
  ret(mmuext_op(op.address, 1, 0, DOMID_SELF));
});

/** (page, command, low): an mmu_update of the frame a page has, by its machine address; its result. */
const update_frame = fn("check_update", (page, command, low) => {
  const request = localOf(MmuUpdate);
  const mfn = local(mfn_of(page));
  request.ptr.set(mfn.shl(12).or(command), mfn.shr(20));
  request.val.set(low, 0);
  ret(mmu_update(request.address, 1, 0, DOMID_SELF));
});

/** (page, flags): asks the special set_pte for these rights; the entry's lower half as it is then. */
const set_init = fn("check_set_init", (page, flags) => {
  const value = localOf(u64);
  const entry = local(kernel_pte(page));
  pvMmu.call.make_pte(value.address, pfnOf(page), flags);
  xen_set_pte_init(entry, value.low, value.high);
  ret(u32.at(entry));
});

export const check_page_tables = subject("page tables", (check) => {
  check("a table in use cannot be written to", poke(kernelMm.top).eq(-EFAULT));
  const level1 = local(page_of_entry(entryAt(kernelMm.kernel, 0)));
  check("nor can one of level 1", poke(level1).eq(-EFAULT));
  check(
    "no writable mapping of a table",
    map_frame(SCRATCH, mfn_of(kernelMm.top), PTE.kernel).isNegative(),
  );
  map_frame(SCRATCH, mfn_of(kernelMm.top), PTE.readonly);
  check("a second, read-only mapping of a table", u32.at(SCRATCH).eq(u32.at(kernelMm.top)));
  map_frame(SCRATCH, 0, 0);

  check(
    "the special set_pte leaves a table read-only",
    set_init(level1, PTE.kernel).and(PTE.write).eq(0),
  );
  check("and it is still", poke(level1).eq(-EFAULT));
  const page = local(need_page());
  set_init(page, PTE.kernel);
  const high = local(u32.at(kernel_pte(page).plus(4)).and(0x80000000));
  set_init(page, PTE.kernel | NX);
  check(
    "and lets other changes through",
    high.eq(0).both(() => u32.at(kernel_pte(page).plus(4)).and(0x80000000).eq(noExecute)),
  );

  protect_page(page);
  const refused = local(poke(page));
  unprotect_page(page);
  check(
    "a page made read-only and writable again",
    refused.eq(-EFAULT).both(() => poke(page).eq(0)),
  );
  check(
    "a page with a writable mapping is not pinned",
    mmuext_page(MMUEXT.pin_l1, page).isNegative(),
  );
  protect_page(page);
  check("a read-only one is", mmuext_page(MMUEXT.pin_l1, page).eq(0));
  check("but not twice", mmuext_page(MMUEXT.pin_l1, page).isNegative());
  check(
    "a table takes no entry that makes it writable",
    update_frame(page, MMU.normal, mfn_of(page).shl(12).or(PTE.kernel)).isNegative(),
  );
  check("it is unpinned", mmuext_page(MMUEXT.unpin, page).eq(0));
  unprotect_page(page);
  check("and can be written to again", poke(page).eq(0));

  const pfn = local(pfnOf(page));
  update_frame(page, MMU.machphys, pfn.xor(1));
  const moved = local(va_of(mfn_of(page)).xor(page));
  update_frame(page, MMU.machphys, pfn);
  check(
    "an entry of the M2P is changed and changed back",
    moved.eq(0x1000).both(() => va_of(mfn_of(page)).eq(page)),
  );
  put_page(page);
});
