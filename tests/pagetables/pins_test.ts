/** Tables that are pinned, loaded, linear, or slot 3's: what may be one, and when it stops (golden pin.*). */
import assert from "node:assert/strict";
import { A, D, OP, P, RW, US } from "./rig.ts";
import {
  DATA,
  DATA2,
  domain,
  EBUSY,
  EINVAL,
  EPERM,
  fill,
  foreignFrame,
  L1,
  L2,
  L2B,
  L3,
} from "./tables.ts";

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

Deno.test("linear L2 entries: not another domain's, checked as it is [pte.l2.linear] [pte.l2.foreign] [errno.EINVAL] [mmu_update]", async () => {
  const d = await domain();
  const { core } = d.rig;
  const theirs = Number(foreignFrame(d));
  const { owner } = d.rig.info(theirs);
  assert.equal(core.domain_pin(owner, 2, theirs), 0);
  const before = d.rig.info(theirs);
  fill(d, L2, {});
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), 0);
  const entry = BigInt(theirs) << 12n | P;
  assert.equal(d.mmuUpdate(d.at(L2, 0), entry), EINVAL);
  assert.equal(d.rig.entry(d.mfns[L2], 0), 0n);
  fill(d, L2B, { 7: entry });
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2B]), EINVAL, "validated");
  assert.deepEqual(d.rig.info(theirs), before);
  d.sound();
  assert.equal(d.rig.audit(owner), "");
});

Deno.test("another domain's table: neither pinned nor unpinned, loaded nor overwritten [mmuext_op.unpin_table] [mmuext_op.new_baseptr] [mmuext_op.clear_page] [mmuext_op.copy_page] [errno.EINVAL]", async () => {
  const d = await domain();
  const theirs = Number(foreignFrame(d));
  const { owner } = d.rig.info(theirs);
  const refused = (what: string) => {
    const before = d.rig.info(theirs);
    for (const op of [OP.PIN_L1, OP.PIN_L2, OP.PIN_L3, OP.UNPIN, OP.NEW_BASEPTR, OP.CLEAR_PAGE]) {
      assert.equal(d.mmuext(op, theirs), EINVAL, `${op} of ${what}`);
    }
    assert.equal(d.mmuext(OP.COPY_PAGE, theirs, d.mfns[DATA]), EINVAL, `to ${what}`);
    assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[DATA], theirs), EINVAL, `from ${what}`);
    assert.deepEqual(d.rig.info(theirs), before, what);
    for (const domid of [d.id, owner]) assert.equal(d.rig.audit(domid), "", what);
  };
  d.rig.setEntry(theirs, 300, 0x600df00d0000n);
  refused("a page");
  assert.equal(d.rig.core.domain_pin(owner, 1, theirs), 0);
  refused("a pinned L1");
  assert.equal(d.rig.entry(theirs, 300), 0x600df00d0000n);
});

Deno.test("the host pins tables of levels 1 to 3, of domains there are", async () => {
  const d = await domain();
  const pin = d.rig.core.domain_pin;
  fill(d, L1, {});
  const before = d.rig.info(d.mfns[L1]);
  for (const level of [0, 4, 5, -1, 0x80000000]) assert.equal(pin(d.id, level, d.mfns[L1]), EINVAL);
  for (const domid of [0, d.id + 1, 0x7ff0, -1]) assert.equal(pin(domid, 1, d.mfns[L1]), EINVAL);
  assert.deepEqual(d.rig.info(d.mfns[L1]), before);
  assert.equal(pin(d.id, 1, d.mfns[L1]), 0);
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
