// TLB flushes: an entry is changed behind the processor's back, and the flush makes it look again.

import { DOMID_SELF, PTE } from "../../abi/numbers.ts";
import { MmuUpdate } from "../../abi/structs.ts";
import { fn, local, localOf, ret, u32 } from "../../asm/mod.ts";
import { mmu_update } from "../../kernel/hypercalls.ts";
import { mfn_of } from "../../kernel/memory.ts";
import { cpuCount } from "../cpu/cpu.ts";
import { SCRATCH } from "../memory/layout.ts";
import { need_page, pfnOf, put_page } from "../memory/pages.ts";
import { kernel_pte } from "../memory/paging.ts";
import { failure } from "../paravirt/multicalls.ts";
import { pvMmu } from "../paravirt/ops.ts";
import { subject } from "./check.ts";

/** (page): maps it at SCRATCH by changing the table, and flushes nothing. */
const remap = fn("check_remap", (page) => {
  const request = localOf(MmuUpdate);
  const entry = local(kernel_pte(SCRATCH));
  const mfn = local(mfn_of(entry));
  request.ptr.set(mfn.shl(12).or(entry.and(0xff8)), mfn.shr(20));
  pvMmu.call.make_pte(request.val.address, pfnOf(page), PTE.kernel);
  ret(mmu_update(request.address, 1, 0, DOMID_SELF));
});

export const check_tlb = subject("TLB", (check) => {
  const one = local(need_page()), two = local(need_page());
  u32.at(one).set(1);
  u32.at(two).set(2);
  const there = u32.at(SCRATCH);
  /** Looks at one page, maps the other, flushes, and looks again. */
  const flushed = (what: string, flush: () => void) => {
    remap(one);
    pvMmu.call.flush_tlb_kernel();
    const before = local(there);
    remap(two);
    flush();
    check(what, before.eq(1).both(() => there.eq(2)));
  };
  flushed("one address", () => void pvMmu.call.flush_tlb_single(SCRATCH));
  flushed("all addresses", () => void pvMmu.call.flush_tlb_user());
  flushed("all addresses on every processor", () => void pvMmu.call.flush_tlb_kernel());
  const failures = local(failure.count);
  const others = local(1);
  others.set(others.shl(cpuCount).minus(1));
  flushed("all addresses on some processors", () => void pvMmu.call.flush_tlb_others(others, 0));
  flushed("one address on some", () => void pvMmu.call.flush_tlb_others(others, SCRATCH));
  check("no flush is refused", failure.count.eq(failures));
  pvMmu.call.set_pte(kernel_pte(SCRATCH), 0, 0);
  pvMmu.call.flush_tlb_single(SCRATCH);
  put_page(one);
  put_page(two);
});
