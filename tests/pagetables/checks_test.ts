/**
 * Each check of the page-table code, with an attempt to get past it. What a refused attempt answers is
 * real Xen's (conformance goldens mmu.*, pin.*, uva.*); here every one is followed by an audit, and by a
 * look that nothing was changed.
 */
import assert from "node:assert/strict";
import { A, BASE, D, DOMID_SELF, HC, NX, OP, P, Rig, RW, TestDomain, US, words64 } from "./rig.ts";

const EPERM = -1;
const ESRCH = -3;
const EFAULT = -14;
const EBUSY = -16;
const EINVAL = -22;
const ENOSYS = -38;

const L1 = 8; // pages the tests use
const L2 = 9;
const L3 = 10;
const L2B = 11;
const DATA = 12;
const DATA2 = 13;

async function domain(options = 0): Promise<TestDomain> {
  return TestDomain.create(await Rig.create(), 24, 32, options);
}

/** Puts an entry into a page that is no table, then makes the page read-only. */
function fill(d: TestDomain, pfn: number, entries: Record<number, bigint>): void {
  assert.equal(d.remap(pfn, P | RW), 0);
  for (const [index, value] of Object.entries(entries)) {
    assert.equal(d.mmuUpdate(d.at(pfn, Number(index)), value), 0);
  }
  assert.equal(d.remap(pfn, P), 0);
}

/** What an L1 entry may not name or be, with the error. */
function badL1Entries(d: TestDomain): [string, bigint, number][] {
  return [
    ["PWT", d.pte(DATA, P | 8n), EINVAL],
    ["PCD", d.pte(DATA, P | 0x10n), EINVAL],
    ["PAT", d.pte(DATA, P | 0x80n), EINVAL],
    ["frame 0", P, EPERM],
    ["frame 0, writable", P | RW, EPERM],
    ["beyond the machine", 0x4000000000n | P, EPERM],
    ["the last frame number but one", 0xfffffffffe000n | P, EPERM],
    ["the last frame number", 0xffffffffff000n | P, EINVAL],
    ["the machine-to-phys table", (512n << 12n) | P, EBUSY],
    ["the machine-to-phys table, writable", (512n << 12n) | P | RW, EBUSY],
    ["a free frame", (BigInt(d.rig.core.machine_size() - 1) << 12n) | P, EBUSY],
    ["an L1, writable", d.pte(2, P | RW), EBUSY],
    ["an L2, writable", d.pte(1, P | RW), EBUSY],
    ["an L3, writable", d.pte(0, P | RW), EBUSY],
  ];
}

Deno.test("an L1 entry may not be what it must not [pte.l1.pwt] [pte.l1.pcd] [pte.l1.pat] [pte.l1.beyond] [pte.l1.mmio] [pte.l1.table]", async () => {
  const d = await domain();
  for (const [what, value, error] of badL1Entries(d)) {
    const va = d.va(DATA2);
    const before = d.rig.entry(d.mfns[2], DATA2);
    assert.equal(d.updateVa(va, value), error, `update_va_mapping: ${what}`);
    assert.equal(d.mmuUpdate(d.at(2, DATA2), value), error, `mmu_update: ${what}`);
    assert.equal(d.rig.entry(d.mfns[2], DATA2), before, what);
    // the same entry in a page that is to become an L1, after good ones
    fill(d, L1, { 0: d.pte(DATA, P | RW), 1: d.pte(2, P), 511: value });
    assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), error, `pin: ${what}`);
    assert.equal(d.remap(L1, P | RW), 0, `still plain: ${what}`);
    d.sound();
  }
});

Deno.test("an L2 or L3 entry may not be what it must not [pte.l2.pwt] [pte.l2.pcd] [pte.l2.pse] [pte.l2.g] [pte.l2.wrong_type] [pte.l2.beyond] [pte.l2.m2p] [pte.l2.shared_info] [pte.l3.pwt] [pte.l3.pcd] [pte.l3.pse] [pte.l3.g] [pte.l3.nx] [pte.l3.avail_high] [pte.l3.wrong_type] [pte.l3.beyond] [pte.l3.m2p] [pte.l3.shared_info] [pte.l3.linear]", async () => {
  const d = await domain();
  fill(d, L1, {});
  fill(d, L2, { 0: d.pte(L1, P | RW | US) });
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), 0);
  const other: [string, bigint][] = [
    ["a page that is mapped writable", d.pte(DATA, P)],
    ["frame 0", P],
    ["beyond the machine", 0x4000000000n | P],
    ["the last frame number", 0xffffffffff000n | P],
    ["the machine-to-phys table", (512n << 12n) | P],
    ["shared_info", (BigInt(d.sharedInfo) << 12n) | P],
    ["an L3", d.pte(0, P)],
  ];
  const l2: [string, bigint][] = [
    ["PWT", d.pte(L1, P | 8n)],
    ["PCD", d.pte(L1, P | 0x10n)],
    ["a superpage", d.pte(L1, P | 0x80n)],
    ["G", d.pte(L1, P | 0x100n)],
    ["itself, writable", d.pte(L2, P | RW)],
    ["another L2, writable", d.pte(1, P | RW)],
    ...other,
  ];
  for (const [what, value] of l2) {
    assert.equal(d.mmuUpdate(d.at(L2, 5), value), EINVAL, what);
    assert.equal(d.rig.entry(d.mfns[L2], 5), 0n, what);
    fill(d, L2B, { 0: d.pte(L1, P | RW), 7: value.toString() === "" ? 0n : value });
    assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2B]), EINVAL, `pin: ${what}`);
    d.sound();
  }
  const l3: [string, bigint][] = [
    ["PWT", d.pte(L2, P | 8n)],
    ["PCD", d.pte(L2, P | 0x10n)],
    ["bit 7", d.pte(L2, P | 0x80n)],
    ["G", d.pte(L2, P | 0x100n)],
    ["NX", d.pte(L2, P | NX)],
    ["bit 52", d.pte(L2, P | (1n << 52n))],
    ["bit 62", d.pte(L2, P | (1n << 62n))],
    ["an L1", d.pte(L1, P)],
    ["slot 3's L2", d.pte(1, P)],
    ...other,
  ];
  for (const [what, value] of l3) {
    assert.equal(d.mmuUpdate(d.at(0, 1), value), EINVAL, what);
    assert.equal(d.rig.entry(d.mfns[0], 1), 0n, what);
    d.sound();
  }
});

Deno.test("bits that are allowed come back as they were written [pte.l1.g] [pte.*.avl] [pte.l1.avail_high] [pte.l2.avail_high] [pte.l1.nx] [pte.l2.nx] [pte.l1.a] [pte.l2.a] [pte.l1.d] [pte.l2.d] [pte.l1.us] [pte.l2.us] [pte.l1.absent] [pte.l2.absent] [mmu.readback]", async () => {
  const d = await domain();
  fill(d, L1, {});
  fill(d, L2, {});
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), 0);
  const free = [0x200n, 0x400n, 0x800n, 1n << 52n, 1n << 58n, 1n << 62n, NX, A, D, US];
  for (const bit of [...free, 0x100n]) {
    const value = d.pte(DATA, P | bit);
    assert.equal(d.mmuUpdate(d.at(L1, 3), value), 0);
    assert.equal(d.rig.entry(d.mfns[L1], 3), value);
  }
  for (const bit of free) {
    const value = d.pte(L1, P | bit);
    assert.equal(d.mmuUpdate(d.at(L2, 3), value), 0);
    assert.equal(d.rig.entry(d.mfns[L2], 3), value);
  }
  // not present: anything
  for (const table of [L1, L2]) {
    assert.equal(d.mmuUpdate(d.at(table, 4), 0xdeadbeef00000feen), 0);
    assert.equal(d.rig.entry(d.mfns[table], 4), 0xdeadbeef00000feen);
  }
  d.sound();
});

Deno.test("a page mapped writable is no table, and a table is not mapped writable [mmu.exclusive] [mmu.fast_path] [mmu.counts]", async () => {
  const d = await domain();
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), EINVAL);
  assert.equal(d.remap(L1, P), 0);
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
  assert.equal(d.remap(L1, P | RW), EBUSY);
  assert.equal(d.mmuUpdate(d.at(2, L1), d.pte(L1, P | RW)), EBUSY);
  // through the fast path, which does not look at the frame
  assert.equal(d.mmuUpdate(d.at(2, L1), d.pte(L1, P | A | D)), 0);
  assert.equal(d.mmuUpdate(d.at(2, L1), d.pte(L1, P | RW | A | D)), EBUSY);
  // two mappings, one of them writable, keep it from being one
  assert.equal(d.mmuUpdate(d.at(2, 20), d.pte(DATA, P | RW)), 0);
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[DATA]), EINVAL);
  assert.equal(d.mmuUpdate(d.at(2, 20), 0n), 0);
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[DATA]), 0);
  d.sound();
});

Deno.test("pins: once each, of one level, own frames only [mmuext_op.pin_l1_table] [mmuext_op.pin_l2_table] [mmuext_op.pin_l3_table] [mmuext_op.pin_l4_table] [mmuext_op.unpin_table] [errno.EINVAL]", async () => {
  const d = await domain();
  fill(d, L1, {});
  const mfn = d.mfns[L1];
  assert.equal(d.mmuext(OP.UNPIN, mfn), EINVAL);
  assert.equal(d.mmuext(OP.PIN_L1, mfn), 0);
  assert.equal(d.mmuext(OP.PIN_L1, mfn), EINVAL);
  assert.equal(d.mmuext(OP.PIN_L2, mfn), EINVAL);
  assert.equal(d.mmuext(OP.PIN_L3, mfn), EINVAL);
  assert.equal(d.mmuext(OP.UNPIN, mfn), 0);
  assert.equal(d.mmuext(OP.UNPIN, mfn), EINVAL);
  assert.equal(d.mmuext(OP.PIN_L4, mfn), 0, "of no effect in a 32-bit domain");
  assert.equal(d.mmuext(OP.UNPIN, mfn), EINVAL);
  for (const bad of [0, 0xffffffff, 512, d.sharedInfo, d.rig.core.machine_size()]) {
    for (const op of [OP.PIN_L1, OP.PIN_L2, OP.PIN_L3, OP.UNPIN, OP.NEW_BASEPTR, OP.CLEAR_PAGE]) {
      if (op === OP.CLEAR_PAGE && bad === d.sharedInfo) continue; // a writable page like any other
      assert.equal(d.mmuext(op, bad), EINVAL, `${op} of ${bad}`);
    }
  }
  d.sound();
});

Deno.test("slot 3 of an L3: there, unshared, with the hypervisor's entries [pte.l3.slot3] [pte.l3.slots_above] [pte.l3.absent] [pte.l2.xen_slots] [mmu.xen_entries]", async () => {
  const d = await domain();
  const l3 = d.mfns[L3];
  fill(d, L2B, { 0: d.pte(2, P | RW), 428: 0x1234567890n, 500: d.pte(DATA, P | RW) });
  fill(d, L3, { 4: 0x1234567n, 511: 0xdeadbeefn });
  assert.equal(d.mmuext(OP.PIN_L3, l3), EINVAL, "empty");
  assert.equal(d.rig.entry(l3, 4), 0n, "entries past slot 3 are zeroed even so");
  assert.equal(d.rig.entry(l3, 511), 0n);
  fill(d, L3, { 3: d.pte(1, P) });
  assert.equal(d.mmuext(OP.PIN_L3, l3), EINVAL, "another L3's slot-3 L2");
  fill(d, L3, { 1: d.pte(L2B, P), 3: d.pte(L2B, P) });
  assert.equal(d.mmuext(OP.PIN_L3, l3), EINVAL, "in two slots (and not valid as a plain L2)");
  fill(d, L3, { 1: 0n, 3: d.pte(L2B, P) });
  assert.equal(d.mmuext(OP.PIN_L3, l3), 0, "what stands in the hypervisor's slots does not matter");
  d.sound();
  assert.equal(d.rig.entry(d.mfns[L2B], 428), (512n << 12n) | P | 0x80n | A);
  assert.equal(d.rig.entry(d.mfns[L2B], 500), 0n);
  assert.equal(d.rig.entry(l3, 3) & 0xfffn, P | RW | US);
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2B]), EINVAL);
  for (const value of [0n, d.pte(L2B, P), d.rig.entry(l3, 3)]) {
    assert.equal(d.mmuUpdate(d.at(L3, 3), value), EINVAL, "slot 3 is fixed");
  }
  for (const slot of [4, 100, 511]) assert.equal(d.mmuUpdate(d.at(L3, slot), 0n), EINVAL);
  for (const slot of [428, 450, 511]) {
    assert.equal(d.mmuUpdate(d.at(L2B, slot), 0n), EPERM);
    assert.equal(d.mmuUpdate(d.at(L2B, slot), d.pte(2, P)), EPERM);
  }
  assert.equal(d.mmuUpdate(d.at(L2B, 427), d.pte(2, P)), 0);
  assert.equal(d.mmuext(OP.UNPIN, l3), 0);
  assert.equal(d.rig.entry(l3, 3) & 0xfffn, P, "forced bits go with the use");
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2B]), EINVAL, "superpages are left in it");
  fill(d, L2B, Object.fromEntries(Array.from({ length: 84 }, (_, i) => [428 + i, 0n])));
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2B]), 0);
  assert.equal(d.mmuext(OP.PIN_L3, l3), EINVAL, "a pinned L2 is no slot 3");
  d.sound();
});

Deno.test("an error deep down undoes everything above [mmu.undone] [xsa.299]", async () => {
  const d = await domain();
  fill(d, L1, { 0: d.pte(DATA, P | RW), 9: d.pte(0, P | RW) });
  fill(d, L2, { 0: d.pte(DATA2, P), 1: d.pte(L1, P | RW) });
  assert.equal(d.remap(DATA2, P), 0);
  fill(d, L2B, { 0: d.pte(2, P) });
  fill(d, L3, { 0: d.pte(L2B, P), 1: d.pte(L2, P), 3: d.pte(1, P) });
  assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), EBUSY);
  for (const page of [L1, L2, L2B, L3, DATA, DATA2]) assert.equal(d.remap(page, P | RW), 0);
  d.sound();
});

Deno.test("linear L2 entries: read-only, one level of them [pte.l2.linear]", async () => {
  const d = await domain();
  const [a, b, c] = [L2, L2B, L3];
  for (const page of [a, b, c]) {
    fill(d, page, {});
    assert.equal(d.mmuext(OP.PIN_L2, d.mfns[page]), 0);
  }
  assert.equal(d.mmuUpdate(d.at(a, 0), d.pte(a, P)), 0, "itself");
  assert.equal(d.mmuUpdate(d.at(a, 1), d.pte(a, P | RW)), EINVAL);
  assert.equal(d.mmuUpdate(d.at(a, 1), d.pte(b, P)), 0, "another");
  assert.equal(d.mmuUpdate(d.at(b, 0), d.pte(c, P)), EINVAL, "used so, may not use others so");
  assert.equal(d.mmuUpdate(d.at(c, 0), d.pte(a, P)), EINVAL, "uses others so, may not be used");
  d.sound();
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[b]), 0);
  assert.equal(d.remap(b, P | RW), EBUSY, "its linear use keeps it a table");
  assert.equal(d.mmuUpdate(d.at(a, 1), 0n), 0);
  assert.equal(d.remap(b, P | RW), 0);
  // an L2 that is not checked yet is no target: nothing would count its entries
  fill(d, b, {});
  assert.equal(d.mmuUpdate(d.at(a, 1), d.pte(b, P)), 0, "an empty page becomes an L1 instead");
  assert.equal(d.rig.info(d.mfns[b]).type, 1);
  d.sound();
});

Deno.test("base pointers: checked, counted, given back [mmuext_op.new_baseptr] [mmuext_op.new_user_baseptr] [mmu.unpinned]", async () => {
  const d = await domain();
  fill(d, L2B, { 0: d.pte(2, P | RW), 427: d.pte(3, P | RW) });
  fill(d, L3, { 3: d.pte(L2B, P) });
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[DATA]), EINVAL);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[2]), EINVAL);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
  d.sound();
  assert.equal(d.remap(L3, P | RW), EBUSY);
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[0]), 0);
  assert.equal(d.remap(0, P | RW), 0, "the old table is none any more");
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), EINVAL, "mapped writable now");
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
  assert.equal(d.mmuext(15, d.mfns[L3]), EINVAL);
  d.sound();
});

Deno.test("pages in use by the hypervisor's calls are not written behind its back [mmuext_op.clear_page] [mmuext_op.copy_page] [mmu.plain_store] [descriptor.gdt]", async () => {
  const d = await domain();
  fill(d, L1, {});
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
  assert.equal(d.mmuext(OP.CLEAR_PAGE, d.mfns[L1]), EINVAL);
  assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[L1], d.mfns[DATA]), EINVAL);
  assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[DATA], 0), EINVAL);
  assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[DATA], d.mfns[0]), 0, "reading one is harmless");
  assert.equal(d.rig.entry(d.mfns[DATA], 3), d.rig.entry(d.mfns[0], 3));
  fill(d, DATA2, {});
  assert.equal(d.setGdt([d.mfns[DATA2]]), 0);
  assert.equal(d.remap(DATA2, P | RW), EBUSY);
  assert.equal(d.mmuUpdate(d.at(DATA2, 1), 0n), EINVAL);
  assert.equal(d.mmuext(OP.CLEAR_PAGE, d.mfns[DATA2]), EINVAL);
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[DATA2]), EINVAL);
  assert.equal(d.setGdt([d.mfns[L1]]), EINVAL, "a table is no descriptor page");
  d.sound();
  assert.equal(d.setGdt([]), 0);
  assert.equal(d.mmuUpdate(d.at(DATA2, 1), 5n), 0, "a plain page may be written so");
  assert.equal(d.rig.entry(d.mfns[DATA2], 1), 5n);
  d.sound();
});

Deno.test("LDT pages: taken at first use, let go with their mapping or the base pointer [mmuext_op.set_ldt] [descriptor.ldt_lazy]", async () => {
  const d = await domain();
  const type = () => [d.rig.info(d.mfns[DATA]).type, d.rig.info(d.mfns[DATA]).typeCount];
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA), 512), 0);
  assert.equal(d.descriptor(0x0c), false, "mapped writable");
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.descriptor(0x0c), true);
  assert.deepEqual(type(), [5, 1]);
  assert.equal(d.descriptor(0x14), true);
  assert.deepEqual(type(), [5, 1], "once for the page");
  d.sound();
  assert.equal(d.remap(DATA, P | RW), EBUSY);
  assert.equal(d.updateVa(d.va(DATA), d.pte(DATA2, P), 2), 0);
  assert.equal(type()[1], 0);
  d.sound();
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.descriptor(0x0c), true);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), 0);
  assert.equal(type()[1], 0);
  assert.equal(d.descriptor(0x1004), false, "beyond its end");
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA) + 8, 512), EINVAL);
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA), 8193), EINVAL);
  d.sound();
});

Deno.test("mmu_update stops at the first bad request and says how far it got [mmu_update] [mmu_update.done] [mmu_update.unknown] [errno.EFAULT] [errno.ENOSYS] [errno.EINVAL]", async () => {
  const d = await domain();
  const list = d.args(
    words64(
      d.at(DATA, 0),
      1n,
      d.at(DATA, 1),
      2n,
      d.at(2, DATA2),
      9n | d.pte(DATA2, P),
      d.at(DATA, 3),
      4n,
    ),
    512,
  );
  d.args([77], 256);
  const done = d.args([77], 256);
  assert.equal(d.hypercall(HC.mmu_update, list, 4, done, DOMID_SELF), EINVAL);
  assert.equal(d.word(256), 2);
  assert.deepEqual([0, 1, 2, 3].map((i) => d.rig.entry(d.mfns[DATA], i)), [1n, 2n, 0n, 0n]);
  assert.equal(d.hypercall(HC.mmu_update, list, 0, done, DOMID_SELF), 0);
  assert.equal(d.word(256), 0);
  assert.equal(d.hypercall(HC.mmu_update, 0xf5800000, 1, done, DOMID_SELF), EFAULT);
  assert.equal(d.hypercall(HC.mmu_update, 0x10000000, 1, done, DOMID_SELF), EFAULT);
  assert.equal(d.hypercall(HC.mmu_update, list, 1, 0xf5800000, DOMID_SELF), 0, "done is optional");
  for (const command of [4n, 5n, 6n, 7n]) {
    assert.equal(d.mmuUpdate(d.at(2, DATA2) | command, 0n), ENOSYS);
  }
});

Deno.test("no other domain's tables or frames, whatever the number [mmu_update.foreign] [mmuext_op.foreign] [update_va_mapping_otherdomain] [errno.EPERM] [errno.ESRCH]", async () => {
  const d = await domain();
  const list = d.args(words64(d.at(2, DATA2), d.pte(DATA2, P)), 512);
  const done = d.args([77], 256);
  const expected: [number, number, number][] = [
    [0, EPERM, 0],
    [0x7ff2, EPERM, 0],
    [0x7ff3, ESRCH, 0],
    [1234, ESRCH, 0],
    [d.id, ESRCH, 0], // its own number does not stand for DOMID_SELF
    [(1 << 16) | DOMID_SELF, EPERM, 0],
    [(1235 << 16) | DOMID_SELF, ESRCH, 77],
  ];
  for (const [domid, error, count] of expected) {
    d.args([77], 256);
    assert.equal(d.hypercall(HC.mmu_update, list, 1, done, domid), error, `${domid}`);
    assert.equal(d.word(256), count, `${domid}: done`);
  }
  // DOMID_IO: frames that are no RAM, of which none is allowed
  assert.equal(d.mmuUpdate(d.at(2, DATA2), d.pte(DATA, P), 0x7ff1), EBUSY);
  assert.equal(d.mmuUpdate(d.at(2, DATA2), (0xfee00n << 12n) | P, 0x7ff1), EPERM);
  const [low, high] = words64(d.pte(DATA, P));
  const other = (domid: number) =>
    d.hypercall(HC.update_va_mapping_otherdomain, d.va(DATA2), low, high, 2, domid);
  assert.deepEqual([0, 0x7ff1, 0x7ff2, 1234].map(other), [EPERM, EPERM, EPERM, ESRCH]);
  assert.equal(other(DOMID_SELF), 0);
  for (const [domid, error] of [[0, EPERM], [0x7ff1, EPERM], [1234, ESRCH]]) {
    const ops = d.args([OP.PIN_L1, d.mfns[DATA], 0], 512);
    assert.equal(d.hypercall(HC.mmuext_op, ops, 1, 0, domid), error);
  }
  d.sound();
});

Deno.test("update_va_mapping goes by the tables that are loaded [update_va_mapping] [update_va_mapping.bitmap] [errno.EINVAL] [errno.EFAULT]", async () => {
  const d = await domain();
  assert.equal(d.updateVa(0x40000000, d.pte(DATA, P)), EINVAL, "no L2");
  assert.equal(d.updateVa(0xc8000000, d.pte(DATA, P)), EINVAL, "no L1");
  assert.equal(d.updateVa(0xf5800000, d.pte(DATA, P)), EINVAL, "the hypervisor's");
  assert.equal(d.updateVa(0xfffff000, 0n), EINVAL);
  assert.equal(d.mmuUpdate(d.at(1, 10), d.pte(1, P)), 0);
  assert.equal(
    d.updateVa(BASE + 10 * 0x200000, d.pte(DATA, P)),
    EINVAL,
    "an L2 in the place of an L1",
  );
  assert.equal(d.updateVa(d.va(DATA) + 0x123, d.pte(DATA2, P)), 0, "the offset does not matter");
  assert.equal(d.updateVa(d.va(DATA), d.pte(DATA2, P | A), 0xf5800001), EFAULT, "a bad bitmap");
  assert.equal(d.rig.entry(d.mfns[2], DATA), d.pte(DATA2, P | A), "is found after the change");
  d.sound();
});

Deno.test("MACHPHYS_UPDATE sets what every guest can read, for own frames only [mmu_update.machphys] [mmu.m2p]", async () => {
  const d = await domain();
  const m2p = (mfn: number) => d.load(0xf5800000 + mfn * 4).value;
  assert.equal(m2p(d.mfns[DATA]), BigInt(DATA));
  assert.equal(d.mmuUpdate(d.at(DATA, 0) | 1n, 0x12345n), 0);
  assert.equal(m2p(d.mfns[DATA]), 0x12345n);
  for (const bad of [0n, 512n, BigInt(d.rig.core.machine_size() - 1), 0xffffffffffn]) {
    assert.equal(d.mmuUpdate((bad << 12n) | 1n, 1n), EINVAL);
  }
  assert.equal(m2p(d.sharedInfo), 0xffffffffn);
  assert.equal(m2p(0), 0xffffffffn);
});
