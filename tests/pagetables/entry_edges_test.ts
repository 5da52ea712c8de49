/** Entries that a check would miss which looks at half of them: the low half of a frame number, a frame without P, itself. */
import assert from "node:assert/strict";
import { A, NX, OP, P, RW, US } from "./rig.ts";
import { DATA, domain, EINVAL, EPERM, fill, L1, L2, L2B, L3 } from "./tables.ts";

/** Beyond memory by 32 bits and more: only the number's low half is a frame's. */
const BEYOND = [1n << 44n, 1n << 45n, 0xffn << 44n];

Deno.test("all 40 bits of a frame number count, at each level [pte.l1.beyond] [pte.l2.beyond] [pte.l3.beyond] [mmu_update] [errno.EINVAL] [errno.EPERM]", async () => {
  const d = await domain();
  fill(d, L1, {});
  fill(d, L2, {});
  for (const high of BEYOND) {
    assert.equal(d.mmuUpdate(d.at(2, 40), d.pte(DATA, P | RW) | high), EPERM);
    assert.equal(d.mmuUpdate(d.at(1, 40), d.pte(L1, P) | high), EINVAL);
    assert.equal(d.mmuUpdate(d.at(0, 1), d.pte(L2, P) | high), EINVAL);
    fill(d, L2B, { 0: d.pte(2, P) });
    fill(d, L3, { 3: d.pte(L2B, P) | high });
    assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), EINVAL);
    for (const [table, index] of [[2, 40], [1, 40], [0, 1]]) {
      assert.equal(d.rig.entry(d.mfns[table], index), 0n);
    }
    d.sound();
  }
  // the same frames without them
  assert.equal(d.mmuUpdate(d.at(1, 40), d.pte(L1, P)), 0);
  assert.equal(d.mmuUpdate(d.at(0, 1), d.pte(L2, P)), 0);
  for (const high of BEYOND) {
    assert.equal(d.mmuUpdate(d.at(1, 40), d.pte(L1, P) | high), EINVAL, "in its place");
    assert.equal(d.mmuUpdate(d.at(0, 1), d.pte(L2, P) | high), EINVAL, "in its place");
  }
  d.sound();
});

Deno.test("bits that an L3 may not have are refused where they are all that changes [mmu.fast_path_l2] [pte.l3.nx] [pte.l3.avail_high] [pte.l3.g] [errno.EINVAL] [mmu_update]", async () => {
  const d = await domain();
  fill(d, L2, {});
  assert.equal(d.mmuUpdate(d.at(0, 1), d.pte(L2, P)), 0);
  const before = d.rig.entry(d.mfns[0], 1);
  for (const bit of [NX, 1n << 52n, 1n << 62n, 0x100n]) {
    assert.equal(d.mmuUpdate(d.at(0, 1), before | bit), EINVAL, bit.toString(16));
    assert.equal(d.rig.entry(d.mfns[0], 1), before);
  }
  d.sound();
});

Deno.test("a slot 3 without P is none, whatever it names; others without P stay as they are [pte.l3.slot3] [pte.l3.absent] [errno.EINVAL] [mmuext_op]", async () => {
  const d = await domain();
  const absent = d.pte(DATA, RW | US | A);
  fill(d, L2, {});
  fill(d, L2B, { 0: d.pte(2, P) });
  fill(d, L3, { 0: d.pte(L2, P), 1: absent, 3: d.pte(L2, 0n) });
  assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), EINVAL);
  assert.equal(d.rig.entry(d.mfns[L2], 428), 0n, "no entries of the hypervisor's");
  assert.equal(d.remap(L2, P | RW), 0);
  assert.equal(d.remap(L2, P), 0);
  fill(d, L3, { 3: d.pte(L2B, P) });
  assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), 0);
  assert.equal(d.rig.entry(d.mfns[L3], 1), absent);
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[L3]), 0);
  assert.equal(d.rig.entry(d.mfns[L3], 1), absent);
  d.sound();
});

Deno.test("an L2 that names itself: the entry takes and gives nothing, and goes with the table [pte.l2.linear] [mmu.counts]", async () => {
  const d = await domain();
  fill(d, L2, {});
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), 0);
  const before = d.rig.info(d.mfns[L2]);
  for (const entry of [d.pte(L2, P), 0n, d.pte(L2, P | A)]) {
    assert.equal(d.mmuUpdate(d.at(L2, 7), entry), 0);
    assert.deepEqual(d.rig.info(d.mfns[L2]), before);
    d.sound();
  }
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[L2]), 0);
  d.sound();
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), 0, "checked with the entry in it");
  d.sound();
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[L2]), 0);
  assert.equal(d.remap(L2, P | RW), 0);
  d.sound();
});
