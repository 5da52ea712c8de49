/** What an entry may lead to, by level: own frames of the right kind, and nothing else (golden mmu.*). */
import assert from "node:assert/strict";
import { A, D, HC, OP, P, RW, type TestDomain, words64 } from "./rig.ts";
import {
  DATA,
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

const M2P = 512n;
const at = (mfn: bigint | number, flags: bigint) => BigInt(mfn) << 12n | flags;

/** Tries entries of an L1 by each way there is: mmu_update, update_va_mapping, validation of a whole table. */
function triesL1(d: TestDomain, entries: [what: string, entry: bigint, expected: number][]): void {
  for (const [what, entry, expected] of entries) {
    const [low, high] = words64(entry);
    assert.equal(d.mmuUpdate(d.at(2, 40), entry), expected, what);
    assert.equal(d.rig.entry(d.mfns[2], 40), expected ? 0n : entry, what);
    d.sound();
    assert.equal(d.mmuUpdate(d.at(2, 40), 0n), 0);
    assert.equal(d.hypercall(HC.update_va_mapping, d.va(41), low, high, 2), expected, what);
    assert.equal(d.hypercall(HC.update_va_mapping, d.va(41), 0, 0, 2), 0);
    fill(d, L1, { 0: d.pte(DATA, P | RW), 511: entry });
    assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), expected, `${what}, validated`);
    if (!expected) assert.equal(d.mmuext(OP.UNPIN, d.mfns[L1]), 0);
    assert.equal(d.remap(L1, P | RW), 0, `${what}: no reference is left`);
    d.sound();
  }
}

Deno.test("L1: another domain's frame is -EBUSY, read-only or not [pte.l1.foreign] [mmu_update] [errno.EBUSY]", async () => {
  const d = await domain();
  const frame = foreignFrame(d);
  triesL1(d, [["foreign", at(frame, P), EBUSY], ["foreign, writable", at(frame, P | RW), EBUSY]]);
});

Deno.test("L1: beyond memory is -EPERM, the all-ones frame -EINVAL [pte.l1.beyond] [mmu_update] [errno.EPERM] [errno.EINVAL]", async () => {
  const d = await domain();
  const size = BigInt(d.rig.core.machine_size());
  triesL1(d, [
    ["the first frame that is not there", at(size, P), EPERM],
    ["far beyond", at(0x4000000n, P | RW), EPERM],
    ["the last but one", at(0xfffffffffen, P), EPERM],
    ["the last", at(0xffffffffffn, P), EINVAL],
  ]);
});

Deno.test("L1: devices and frame 0 are -EPERM [pte.l1.mmio] [update_va_mapping] [errno.EPERM]", async () => {
  const d = await domain();
  triesL1(d, [["frame 0", P, EPERM], ["frame 0, writable", P | RW, EPERM], [
    "the APIC",
    at(0xfee00, P | RW),
    EPERM,
  ]]);
});

Deno.test("L1: the machine-to-phys table and free frames are -EBUSY [pte.l1.m2p] [mmu_update] [errno.EBUSY]", async () => {
  const d = await domain();
  triesL1(d, [
    ["the table", at(M2P, P), EBUSY],
    ["the table, writable", at(M2P, P | RW), EBUSY],
    ["a free frame", at(d.rig.core.machine_size() - 1, P), EBUSY],
  ]);
});

Deno.test("L1: its own shared_info, writable too [pte.l1.shared_info]", async () => {
  const d = await domain();
  triesL1(d, [["read-only", at(d.sharedInfo, P), 0], [
    "writable",
    at(d.sharedInfo, P | RW | A | D),
    0,
  ]]);
});

Deno.test("L1: tables read-only; writable is -EBUSY, also by a change of flags [pte.l1.table] [update_va_mapping] [errno.EBUSY]", async () => {
  const d = await domain();
  fill(d, L2B, {});
  assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2B]), 0);
  for (const table of [0, 1, 2, L2B]) {
    triesL1(d, [["read-only", d.pte(table, P), 0], ["writable", d.pte(table, P | RW), EBUSY]]);
    assert.equal(d.mmuUpdate(d.at(2, 40), d.pte(table, P)), 0);
    assert.equal(d.mmuUpdate(d.at(2, 40), d.pte(table, P | RW)), EBUSY);
    assert.equal(d.rig.entry(d.mfns[2], 40), d.pte(table, P));
    d.sound();
  }
});

Deno.test("L1: descriptor pages read-only; writable is -EBUSY [pte.l1.descriptors] [mmu_update] [errno.EBUSY]", async () => {
  const d = await domain();
  fill(d, DATA + 2, {});
  assert.equal(d.setGdt([d.mfns[DATA + 2]]), 0);
  triesL1(d, [["read-only", d.pte(DATA + 2, P), 0], ["writable", d.pte(DATA + 2, P | RW), EBUSY]]);
});

Deno.test("L1: itself, read-only; writable is -EBUSY [pte.l1.self] [mmuext_op] [errno.EBUSY]", async () => {
  const d = await domain();
  fill(d, L1, { 3: d.pte(L1, P | RW) });
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), EBUSY);
  fill(d, L1, { 3: d.pte(L1, P) });
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
  assert.equal(d.mmuUpdate(d.at(L1, 3), d.pte(L1, P | RW)), EBUSY);
  d.sound();
});

/** What no entry above level 1 may lead to. */
function wrongFrames(d: TestDomain): Record<string, bigint> {
  return {
    foreign: foreignFrame(d),
    shared_info: BigInt(d.sharedInfo),
    m2p: M2P,
    "frame 0": 0n,
    beyond: BigInt(d.rig.core.machine_size()),
    "far beyond": 0x4000000n,
    "all ones": 0xffffffffffn,
    free: BigInt(d.rig.core.machine_size() - 1),
    APIC: 0xfee00n,
    "a page mapped writable": BigInt(d.mfns[DATA]),
    "an L3": BigInt(d.mfns[0]),
  };
}

Deno.test("L2: what is no L1 of its own is -EINVAL [pte.l2.foreign] [pte.l2.beyond] [pte.l2.m2p] [pte.l2.shared_info] [pte.l2.wrong_type] [mmu_update] [errno.EINVAL]", async () => {
  const d = await domain();
  fill(d, DATA + 2, {});
  assert.equal(d.setGdt([d.mfns[DATA + 2]]), 0);
  const wrong = {
    ...wrongFrames(d),
    descriptors: BigInt(d.mfns[DATA + 2]),
    "a slot-3 L2": BigInt(d.mfns[1]),
  };
  for (const [what, frame] of Object.entries(wrong)) {
    for (const flags of [P | RW, P]) {
      if (flags === P && what === "a slot-3 L2") continue; // a linear use
      assert.equal(d.mmuUpdate(d.at(1, 40), at(frame, flags)), EINVAL, what);
      assert.equal(d.rig.entry(d.mfns[1], 40), 0n);
      fill(d, L2, { 5: at(frame, flags) });
      assert.equal(d.mmuext(OP.PIN_L2, d.mfns[L2]), EINVAL, `${what}, validated`);
      assert.equal(d.remap(L2, P | RW), 0);
      d.sound();
    }
  }
});

Deno.test("L3: what is no L2 of its own is -EINVAL [pte.l3.foreign] [pte.l3.beyond] [pte.l3.m2p] [pte.l3.shared_info] [pte.l3.wrong_type] [pte.l3.linear] [mmu_update] [errno.EINVAL]", async () => {
  const d = await domain();
  fill(d, L2B, { 0: d.pte(2, P) });
  const wrong = {
    ...wrongFrames(d),
    "an L1": BigInt(d.mfns[2]),
    "the slot-3 L2": BigInt(d.mfns[1]),
  };
  for (const [what, frame] of Object.entries(wrong)) {
    for (const slot of [0, 1, 2]) {
      assert.equal(d.mmuUpdate(d.at(0, slot), at(frame, P)), EINVAL, what);
      assert.equal(d.rig.entry(d.mfns[0], slot), 0n);
      fill(d, L3, { 0: 0n, 1: 0n, 2: 0n, 3: d.pte(L2B, P), [slot]: at(frame, P) });
      assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), EINVAL, `${what}, validated`);
      assert.equal(d.remap(L2B, P | RW), 0, "slot 3's L2 is free again");
      assert.equal(d.remap(L2B, P), 0);
      d.sound();
    }
  }
  fill(d, L3, { 1: d.pte(L3, P), 3: d.pte(L2B, P) });
  assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), EINVAL, "itself");
  d.sound();
});

Deno.test("an L2 in two slots, and in two L3s, but for slot 3's [pte.l3.same_l2] [pte.l3.slot3]", async () => {
  const d = await domain();
  fill(d, L2, { 1: d.pte(2, P) });
  fill(d, L2B, { 0: d.pte(2, P) });
  for (const slot of [0, 1, 2]) assert.equal(d.mmuUpdate(d.at(0, slot), d.pte(L2, P)), 0);
  assert.equal(d.rig.info(d.mfns[L2]).typeCount, 3);
  fill(d, L3, { 0: d.pte(L2, P), 2: d.pte(L2, P), 3: d.pte(L2B, P) });
  assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), 0);
  assert.equal(d.rig.info(d.mfns[L2]).typeCount, 5);
  assert.equal(d.mmuUpdate(d.at(L3, 1), d.pte(L2B, P)), EINVAL, "slot 3's");
  assert.equal(d.mmuUpdate(d.at(0, 1), d.pte(L2B, P)), EINVAL, "another's slot 3");
  d.sound();
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[L3]), 0);
  for (const slot of [0, 1, 2]) assert.equal(d.mmuUpdate(d.at(0, slot), 0n), 0);
  assert.equal(d.remap(L2, P | RW), 0);
  d.sound();
});
