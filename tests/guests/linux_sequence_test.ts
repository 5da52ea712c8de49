/**
 * What 32-bit Linux does on Xen, call by call (pv-abi §15), on a domain that the builder made: each call
 * has to succeed as Linux needs it, and every count has to be right after each step.
 */
import assert from "node:assert/strict";
import { booted, KERNEL_CS, KERNEL_DS } from "./sequence/boot.ts";
import {
  A,
  D,
  HC,
  MMUEXT,
  NX,
  P,
  PAGE,
  PAGE_KERNEL,
  PAGE_KERNEL_RO,
  RW,
  SELF,
  US,
  VIRT_BASE,
} from "./sequence/machine.ts";
import {
  exit,
  fork,
  lookup,
  pin,
  pinPlainly,
  type Process,
  setProt,
  setPte,
  switchTo,
  userPage,
} from "./sequence/tables.ts";

const ADDRESSES = [0x08048000, 0x08049000, 0x0804a000, 0x40000000, 0xb7f00000, 0xbffff000];

Deno.test("Linux boots: every call of its start succeeds as it needs [domain.start] [mmu.xen_entries] [mmu.unpinned] [event.spurious]", async () => {
  const { linux, tables } = await booted();
  // all of memory is there to be written, but for the tables
  const pages = linux.startInfo(0x20);
  for (let pfn = 0; pfn < pages; pfn += 97) {
    const pte = linux.load64(lookup(linux, tables, VIRT_BASE + pfn * PAGE));
    assert.equal(linux.pfn(Number(pte >> 12n)), pfn);
    if (pte & RW) linux.store(VIRT_BASE + pfn * PAGE, pfn);
  }
  assert.equal(linux.tryStore(tables.pgd, 0n), 3);
  linux.must(HC.sched_op, 5, linux.words(0));
  linux.call(HC.sched_op, 2, linux.words(0));
  assert.equal(linux.core.exports.domain_shutdown_code(linux.built.domid), 0);
});

Deno.test("Linux forks, switches, writes and exits, sixty times [mmu.counts] [mmu.exclusive] [multicall]", async () => {
  const { linux, tables, gdt, pool, stack } = await booted();
  const free = pool.length;
  let parent: Process | null = null;
  for (let round = 0; round < 60; round++) {
    const child = fork(linux, tables, pool, ADDRESSES);
    pin(linux, child);
    switchTo(linux, child, stack, gdt);
    linux.cpl = 3;
    linux.store(ADDRESSES[0], round);
    assert.equal(linux.tryStore(VIRT_BASE + 0x200000, 0n), 7, "the kernel's memory");
    linux.cpl = 1;
    assert.equal(linux.load(child.pages.get(ADDRESSES[0])!), BigInt(round));
    if (parent) exit(linux, parent, pool);
    parent = child;
    if (round % 20 === 0) linux.sound();
  }
  linux.mmuext([MMUEXT.NEW_BASEPTR, linux.machine(tables.pgd) >> 12n]);
  exit(linux, parent!, pool);
  assert.equal(pool.length, free);
  linux.sound();
});

Deno.test("Linux's copy on write: wrprotect by a locked store, a fault, a new page [ptwr.rmw] [mmu_update.preserve_ad] [mmu.accessed]", async () => {
  const { linux, tables, gdt, pool, stack } = await booted();
  const process = fork(linux, tables, pool, ADDRESSES);
  pin(linux, process);
  switchTo(linux, process, stack, gdt);
  const va = ADDRESSES[1];
  const at = lookup(linux, process, va);
  const entry = () => linux.load64(at);
  linux.cpl = 3;
  linux.store(va, 0x1111);
  linux.cpl = 1;
  assert.equal(entry() & (A | D), A | D);
  // ptep_set_wrprotect: LOCK BTR on a pinned L1
  assert.equal(linux.tryStore(at, entry() & ~RW & 0xffffffffn, 4, true), null);
  linux.updateVa(va, entry(), 2);
  linux.cpl = 3;
  assert.equal(linux.tryStore(va, 0x2222n), 7);
  linux.cpl = 1;
  const page = pool.pop()!;
  linux.copyPage(page, process.pages.get(va)!);
  setPte(linux, va, userPage(linux, page, RW | A | D));
  linux.cpl = 3;
  linux.store(va, 0x2222);
  linux.cpl = 1;
  assert.equal(linux.load(process.pages.get(va)!), 0x1111n, "the other's is as it was");
  // ptep_test_and_clear_young, then mprotect by ptep_modify_prot_start and commit
  assert.equal(linux.tryStore(at, entry() & ~A & 0xffffffffn, 4, true), null);
  linux.mmuext([MMUEXT.INVLPG_LOCAL, va]);
  linux.cpl = 3;
  linux.load(va);
  linux.cpl = 1;
  assert.equal(entry() & A, A, "set again by the access");
  const list = [linux.machine(at) | 2n, linux.pte(page, P | US | NX)];
  linux.multicall([
    HC.mmu_update,
    linux.words(...list.flatMap((q) => [q & 0xffffffffn, q >> 32n])),
    1,
    0,
    SELF,
  ]);
  assert.equal(entry(), linux.pte(page, P | US | NX | A | D));
  linux.mmuext([MMUEXT.INVLPG_ALL, va]);
  // swapped out: not present, anything in it; and gone
  linux.updateVa(va, 0x0000123400000fc0n, 2);
  linux.cpl = 3;
  assert.equal(linux.tryStore(va, 0n), 6);
  linux.cpl = 1;
  linux.sound();
});

Deno.test("Linux's balloon and its loadable LDT and modules [mmu.balloon] [memory_op.decrease_reservation] [memory_op.populate_physmap] [mmuext_op.set_ldt]", async () => {
  const { linux, pool } = await booted();
  // balloon: unmapped, its pfn without a frame, given back; then populated and mapped again
  for (let round = 0; round < 8; round++) {
    const page = pool[round];
    const pfn = (page - VIRT_BASE) / PAGE;
    const mfn = linux.mfn(pfn);
    linux.multicall([HC.update_va_mapping, page, 0, 0, 2]);
    linux.store(linux.startInfo(0x44) + pfn * 4, 0xffffffff);
    const taken = [linux.words(mfn), 1, 0, 0, SELF];
    assert.equal(linux.call(HC.memory_op, 1, linux.words(...taken)), 1);
    assert.equal(linux.pfn(mfn) | 0, -1);
    const list = linux.words(pfn);
    assert.equal(linux.call(HC.memory_op, 6, linux.words(list, 1, 0, 0, SELF)), 1);
    const fresh = linux.load(list);
    assert.equal(linux.pfn(Number(fresh)), pfn);
    linux.store(linux.startInfo(0x44) + pfn * 4, fresh);
    linux.updateVa(page, fresh << 12n | PAGE_KERNEL, 2);
    linux.store(page, round);
  }
  // modify_ldt: a page of descriptors, read-only, by its address
  const ldt = pool[20];
  linux.store64(ldt, 0x00cff3000000ffffn);
  setProt(linux, ldt, PAGE_KERNEL_RO);
  linux.mmuext([MMUEXT.SET_LDT, ldt, 512]);
  assert.ok(linux.inside.probe_descriptor(0x07));
  const at = linux.machine(ldt + 8);
  linux.must(HC.update_descriptor, Number(at & 0xffffffffn), Number(at >> 32n), 0xffff, 0x00cff300);
  assert.ok(linux.inside.probe_descriptor(0x0f));
  linux.mmuext([MMUEXT.SET_LDT, 0, 0]);
  setProt(linux, ldt, PAGE_KERNEL);
  // a module's text: read-only and executable, data without execution
  setProt(linux, pool[21], P | A);
  setProt(linux, pool[22], PAGE_KERNEL | NX);
  linux.sound();
});

Deno.test("Linux brings a second processor up [vcpu_op.initialise] [vcpu_op.up] [event_channel_op.bind_ipi] [domain.vcpus]", async () => {
  const { linux, tables } = await booted({ vcpus: 2 });
  const info = linux.page() + 0x140;
  linux.must(HC.vcpu_op, 10, 1, linux.words(linux.machine(info) >> 12n, 0, info % PAGE, 0));
  const gdt = linux.page();
  [0x9b, 0x93, 0xfb, 0xf3].forEach((type, n) =>
    linux.store64(gdt + 0x60 + n * 8, 0x00cf00000000ffffn | BigInt(type) << 40n)
  );
  setProt(linux, gdt, PAGE_KERNEL_RO);
  // struct vcpu_guest_context, as cpu_initialize_context fills it
  const context = linux.page();
  const set = (at: number, value: number | bigint) =>
    linux.store(context + at, BigInt(value) & 0xffffffffn);
  set(0x200, 4); // VGCF_IN_KERNEL
  const [regs, stack] = [0x204, linux.page() + PAGE];
  set(regs + 0x20, 0xc0100000);
  set(regs + 0x24, KERNEL_CS);
  set(regs + 0x28, 0x1000); // IOPL 1
  set(regs + 0x2c, stack - 16);
  for (const segment of [0x30, 0x34, 0x38, 0x3c, 0x40]) {
    set(regs + segment, segment === 0x30 ? KERNEL_DS : 0x7b);
  }
  set(0xa50, linux.machine(gdt) >> 12n);
  set(0xa90, 32);
  set(0xa94, KERNEL_DS);
  set(0xa98, stack);
  const top = Number(linux.machine(tables.pgd) >> 12n);
  set(0xa9c + 12, (top << 12 | top >>> 20) >>> 0);
  assert.equal(linux.call(HC.vcpu_op, 3, 1), 0);
  linux.must(HC.vcpu_op, 0, 1, context);
  const ipis = [0, 1, 2, 3].map(() => {
    const bind = linux.words(1, 0);
    linux.must(HC.event_channel_op, 7, bind);
    return Number(linux.load(bind + 4));
  });
  assert.equal(new Set(ipis).size, 4);
  linux.must(HC.vcpu_op, 1, 1);
  assert.equal(linux.call(HC.vcpu_op, 3, 1), 1);
  assert.equal(linux.call(HC.vcpu_op, 3, 2), -2, "which is how Linux counts them");
  linux.inside.slice_end();
  linux.run(1);
  linux.must(HC.vcpu_op, 7, 1);
  linux.must(HC.sched_op, 0, 0);
  linux.inside.slice_end();
  linux.run(0);
  linux.must(HC.event_channel_op, 4, linux.words(ipis[0]));
  assert.equal(linux.load(info, 1), 1n, "its upcall is pending");
  linux.sound();
});

Deno.test("Linux 2.6.23: ptes of pinned tables by halves, callbacks the old way, calls that may fail [ptwr.mov] [ptwr.upper_half] [ptwr.cmpxchg8b] [set_callbacks] [mmuext_op.unpin_table]", async () => {
  const { linux, tables, gdt, pool, stack } = await booted();
  linux.must(HC.set_callbacks, KERNEL_CS, 0xc0101000, KERNEL_CS, 0xc0101100);
  const process = fork(linux, tables, pool, ADDRESSES);
  pinPlainly(linux, process);
  switchTo(linux, process, stack, gdt);
  const [va, empty] = [ADDRESSES[2], ADDRESSES[2] + PAGE];
  const at = lookup(linux, process, va), next = lookup(linux, process, empty);
  const page = pool.pop()!;
  /** set_pte: the upper half first; pte_clear: the lower half first. */
  const setHalves = (to: number, pte: bigint) => {
    assert.equal(linux.tryStore(to + 4, pte >> 32n), null);
    assert.equal(linux.tryStore(to, pte & 0xffffffffn), null);
    assert.equal(linux.load64(to), pte);
  };
  const clear = (to: number) => {
    for (const half of [to, to + 4]) assert.equal(linux.tryStore(half, 0n), null);
  };
  setHalves(next, userPage(linux, page, RW));
  linux.cpl = 3;
  linux.store(empty, 0x3333);
  linux.cpl = 1;
  setHalves(at, userPage(linux, page, NX));
  clear(next);
  linux.mmuext([MMUEXT.TLB_FLUSH_LOCAL, 0]);
  linux.cpl = 3;
  assert.equal(linux.load(va), 0x3333n);
  assert.equal(linux.tryStore(empty, 0n), 6);
  linux.cpl = 1;
  // set_64bit: CMPXCHG8B, also in a process that is not loaded
  const other = fork(linux, tables, pool, ADDRESSES);
  pinPlainly(linux, other);
  const far = lookup(linux, other, va);
  assert.equal(linux.tryStore(far, userPage(linux, page, RW), 8, true), null);
  assert.equal(linux.load64(far), userPage(linux, page, RW));
  linux.sound();
  // set_pte_at tries by address first, and stores if that fails; a failure changes nothing
  const pte = userPage(linux, page);
  const [low, high] = [Number(pte & 0xffffffffn), Number(pte >> 32n)];
  for (const nowhere of [0x70000000, 0xf5800000, 0xfffff000]) {
    assert.equal(linux.call(HC.update_va_mapping, nowhere, low, high, 2), -22);
  }
  // its SET_LDT passes a machine address, with no entries as a rule
  linux.mmuext([MMUEXT.SET_LDT, linux.machine(page), 0]);
  // pgd_unpin: a page that was a table is written at once
  linux.mmuext([MMUEXT.UNPIN, linux.machine(other.pgd) >> 12n]);
  for (const table of [...other.tables, other.pgd]) {
    setProt(linux, table, PAGE_KERNEL);
    linux.store(table, 0);
  }
  linux.sound();
});
