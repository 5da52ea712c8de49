/** Ways out of a guest through its page tables that real Xen once left open, tried here. */
import assert from "node:assert/strict";
import { DOMID_SELF, HC, NX, OP, P, Rig, RW, TestDomain, US } from "../pagetables/rig.ts";

const EBUSY = -16, EINVAL = -22;
const PSE = 0x80n;
const L2 = 9, DATA = 12;

const domain = async () => TestDomain.create(await Rig.create());

/** Each way to write an entry with a new value where only flags differ. */
const WAYS: [string, (d: TestDomain, table: number, index: number, value: bigint) => number][] = [
  ["normal", (d, table, index, value) => d.mmuUpdate(d.at(table, index), value)],
  ["preserve_ad", (d, table, index, value) => d.mmuUpdate(d.at(table, index) | 2n, value)],
  ["no_translate", (d, table, index, value) => d.mmuUpdate(d.at(table, index) | 3n, value)],
];

Deno.test("XSA-148: no superpage by a change of flags in an L2 entry that is good [xsa.148] [mmu.fast_path_l2]", async () => {
  const d = await domain();
  const before = d.rig.entry(d.mfns[1], 0);
  for (const [way, write] of WAYS) {
    for (const extra of [PSE, PSE | RW, PSE | US | NX]) {
      assert.equal(write(d, 1, 0, before | extra), EINVAL, way);
      assert.equal(d.rig.entry(d.mfns[1], 0), before, way);
    }
  }
  d.sound();
});

Deno.test("XSA-182: a read-only entry of a table does not become writable by its flags [xsa.182]", async () => {
  const d = await domain();
  assert.equal(d.remap(L2, P), 0);
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), 0);
  assert.equal(d.mmuUpdate(d.at(L2, 5), d.pte(L2, P)), 0); // itself
  for (const [way, write] of WAYS) {
    for (const flags of [P | RW, P | RW | US, P | RW | 0x200n]) {
      assert.equal(write(d, L2, 5, d.pte(L2, flags)), EINVAL, `linear, ${way}`);
      assert.equal(write(d, 2, L2, d.pte(L2, flags)), EBUSY, `L1, ${way}`);
      assert.equal(d.updateVa(d.va(L2), d.pte(L2, flags)), EBUSY);
    }
    assert.equal(write(d, L2, 5, d.pte(L2, P | US | NX)), 0, "flags that open nothing");
    assert.equal(write(d, L2, 5, d.pte(L2, P)), 0);
  }
  d.sound();
});

Deno.test("XSA-185: an L3 that names itself, or another L3 [xsa.185]", async () => {
  const d = await domain();
  for (const [way, write] of WAYS) {
    for (const flags of [P, P | RW, P | RW | US]) {
      for (const slot of [0, 1, 2, 3]) {
        assert.equal(write(d, 0, slot, d.pte(0, flags)), EINVAL, way);
      }
    }
  }
  d.sound();
});

Deno.test("XSA-212: exchange does not go on from where its count points it [xsa.212]", async () => {
  const d = await domain();
  const HOLE = 0xf5800000;
  const list = d.args([d.mfns[DATA]], 256);
  const aims = [
    HOLE, // the machine-to-phys table
    0xffe00000,
    2 ** 32 + 0xc0000000, // round to the guest's own memory
  ];
  for (const aim of aims) {
    const done = (aim - list) / 4;
    const count = done + 1;
    const words = [list, count, 0, 0, DOMID_SELF, list, count, 0, 0, DOMID_SELF, done];
    const before = d.mfns.map((mfn) => d.rig.info(mfn).count);
    const result = d.hypercall(HC.memory_op, 11, d.args(words));
    assert.ok(result < 0, `${result}`);
    assert.deepEqual(d.mfns.map((mfn) => d.rig.info(mfn).count), before);
    d.sound();
  }
});

Deno.test("XSA-401: a page pinned as a table is out of reach of what the TLB knew [xsa.401]", async () => {
  const d = await domain();
  for (let n = 0; n < 3; n++) {
    assert.equal(d.remap(DATA, P | RW), 0);
    d.store(d.va(DATA), 0n, 8); // the TLB has it writable now
    assert.equal(d.mmuUpdate(d.at(2, DATA), d.pte(DATA, P)), 0); // not flushed
    assert.equal(d.mmuext(OP.PIN_L1, d.mfns[DATA]), 0);
    d.store(d.va(DATA), d.pte(0, P | RW), 8);
    assert.equal(d.rig.entry(d.mfns[DATA], 0), 0n, "nothing was written");
    d.sound();
    assert.equal(d.mmuext(OP.UNPIN, d.mfns[DATA]), 0);
  }
});
