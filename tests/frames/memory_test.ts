/** Frames: who owns them, when they are free, and the calls that move them. */
import assert from "node:assert/strict";
import { ARGS, BASE, DOMID_SELF, HC, OP, P, Rig, RW, TestDomain } from "../pagetables/rig.ts";

const INCREASE = 0;
const DECREASE = 1;
const CURRENT = 3;
const POPULATE = 6;
const EXCHANGE = 11;

const DATA = 12;
const DATA2 = 13;
const EINVAL = -22;
const ENOMEM = -12;

async function domain(pages = 24, most = 32): Promise<TestDomain> {
  return TestDomain.create(await Rig.create(), pages, most);
}

function owned(d: TestDomain): number {
  return d.memoryOp(CURRENT, [DOMID_SELF]);
}

Deno.test("a destroyed domain gives everything back, whatever it was used as [domain.destroy]", async () => {
  const rig = await Rig.create();
  const before = rig.core.machine_free_frames();
  for (let i = 0; i < 3; i++) {
    const d = TestDomain.create(rig, 24, 32);
    assert.equal(d.remap(8, P), 0);
    assert.equal(d.mmuext(OP.PIN_L1, d.mfns[8]), 0);
    assert.equal(d.remap(9, P), 0);
    assert.equal(d.setGdt([d.mfns[9]]), 0);
    assert.equal(d.reservation(DECREASE, [d.mfns[8], d.mfns[DATA]]), 2, "both still referred to");
    d.sound();
    assert.ok(rig.core.machine_free_frames() < before);
    d.destroy();
    assert.equal(rig.core.machine_free_frames(), before);
  }
});

Deno.test("memory is zero when it comes, and counted against max_pages [memory_op.populate_physmap] [memory_op.increase_reservation] [mmu.balloon]", async () => {
  const d = await domain(24, 26);
  d.store(d.va(DATA), 0x1234n);
  assert.equal(d.updateVa(d.va(DATA), 0n), 0);
  assert.equal(d.reservation(DECREASE, [d.mfns[DATA]]), 1);
  assert.equal(owned(d), 23);
  assert.equal(d.reservation(POPULATE, [DATA, 100, 101, 102, 103]), 3);
  assert.equal(owned(d), 26);
  for (let i = 0; i < 3; i++) {
    const mfn = d.word(256 + 4 * i);
    assert.equal(d.load(0xf5800000 + mfn * 4).value, BigInt([DATA, 100, 101][i]));
    assert.equal(d.updateVa(BASE + 40 * 4096, (BigInt(mfn) << 12n) | P | RW), 0);
    assert.equal(d.load(BASE + 40 * 4096, 8).value, 0n);
  }
  assert.equal(d.word(256 + 12), 102, "what was not done keeps its pfn");
  assert.equal(d.reservation(INCREASE, [0]), 0);
  d.sound();
});

Deno.test("a frame in use is free when its last use ends [mmu.freed_in_use]", async () => {
  const d = await domain();
  assert.equal(d.reservation(DECREASE, [d.mfns[DATA]]), 1);
  assert.equal(d.reservation(DECREASE, [d.mfns[DATA]]), 1, "again: of no effect");
  assert.equal(owned(d), 24);
  d.sound();
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.updateVa(d.va(DATA), 0n), 0);
  assert.equal(owned(d), 23);
  assert.equal(d.remap(DATA, P), -16);
  assert.equal(d.load(0xf5800000 + d.mfns[DATA] * 4).value, 0xffffffffn);
  // a pinned table lives until it is unpinned
  assert.equal(d.updateVa(d.va(DATA2), 0n), 0);
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[DATA2]), 0);
  assert.equal(d.reservation(DECREASE, [d.mfns[DATA2]]), 1);
  assert.equal(owned(d), 23);
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[DATA2]), 0);
  assert.equal(owned(d), 22);
  d.sound();
});

Deno.test("frames that are not its own stay where they are [memory_op.decrease_reservation] [mmu.partial]", async () => {
  const d = await domain();
  for (const bad of [0, 512, 0xffffffff, d.rig.core.machine_size() - 1]) {
    assert.equal(d.reservation(DECREASE, [bad]), 0);
  }
  assert.equal(d.reservation(DECREASE, [d.sharedInfo]), 1, "shared_info: of no effect");
  assert.equal(d.updateVa(d.va(DATA), (BigInt(d.sharedInfo) << 12n) | P | RW), 0);
  d.sound();
});

Deno.test("of a list that reaches the hypervisor nothing is done; of one that is not mapped what can be read [memory_op.decrease_reservation] [mmu.partial]", async () => {
  const d = await domain();
  const top = 0xf5800000;
  assert.equal(d.mmuUpdate(d.at(3, 511), d.pte(DATA2, P | RW)), 0); // the last page below it
  for (const [n, page] of [20, 21].entries()) {
    assert.equal(d.updateVa(d.va(page), 0n), 0);
    d.store(top - 8 + n * 4, BigInt(d.mfns[page]));
  }
  const decrease = (at: number, count: number) =>
    d.memoryOp(DECREASE, [at, count, 0, 0, DOMID_SELF]);
  assert.equal(decrease(top - 8, 3), 0);
  assert.equal(owned(d), 24);
  assert.equal(decrease(top - 8, 2), 2);
  assert.equal(owned(d), 22);
  // over the end of what is mapped
  const end = d.va(24);
  for (const [n, page] of [18, 19].entries()) {
    assert.equal(d.updateVa(d.va(page), 0n), 0);
    d.store(end - 8 + n * 4, BigInt(d.mfns[page]));
  }
  assert.equal(decrease(end - 8, 3), 2);
  assert.equal(owned(d), 20);
  d.sound();
});

Deno.test("extents of several frames are neighbours, and aligned [mmu.orders]", async () => {
  const d = await domain(24, 200);
  assert.equal(d.reservation(POPULATE, [64, 128], 4), 2);
  for (const [i, pfn] of [64, 128].entries()) {
    const mfn = d.word(256 + 4 * i);
    assert.equal(mfn % 16, 0);
    for (let k = 0; k < 16; k++) {
      assert.equal(d.load(0xf5800000 + (mfn + k) * 4).value, BigInt(pfn + k));
    }
  }
  assert.equal(owned(d), 56);
  assert.equal(d.reservation(DECREASE, [d.word(256)], 4), 1);
  assert.equal(owned(d), 40);
  assert.equal(d.reservation(POPULATE, [64], 9), 0, "more than max_pages");
  assert.equal(d.reservation(POPULATE, [64], 10), 0, "an order too many");
  d.sound();
});

Deno.test("a machine without room says so; freed runs are found again", async () => {
  const rig = await Rig.create(512);
  const d = TestDomain.create(rig, 24, 4096);
  const free = rig.core.machine_free_frames();
  // all of it, in single frames
  let taken = 0;
  for (;;) {
    const n = d.reservation(INCREASE, Array.from({ length: 100 }, () => 0));
    taken += n;
    if (n < 100) break;
  }
  assert.equal(taken, free);
  assert.equal(d.reservation(POPULATE, [1]), 0);
  assert.equal(rig.core.domain_populate(d.id, 0, 1, 0x4000), ENOMEM);
  // 16 neighbours freed one by one, in no order
  const first = 256;
  const back = Array.from({ length: 16 }, (_, i) => first + ((i * 7) & 15));
  assert.equal(d.reservation(DECREASE, back), 16);
  assert.equal(d.reservation(POPULATE, [64], 5), 0);
  assert.equal(d.reservation(POPULATE, [64], 4), 1);
  assert.equal(d.word(256), first);
  d.sound();
  assert.equal(rig.core.machine_grow(100), 0);
  assert.equal(rig.core.machine_free_frames(), 100);
  assert.equal(d.reservation(INCREASE, [0]), 1);
  d.sound();
});

Deno.test("exchange takes only what nothing refers to, and all or nothing [memory_op.exchange] [errno.EINVAL]", async () => {
  const d = await domain(24, 40);
  const exchange = (mfns: number[], pfns: number[], order: [number, number], done = 0) => {
    const list = d.args([...mfns, ...pfns], 512);
    const n = d.memoryOp(EXCHANGE, [
      list,
      mfns.length,
      order[0],
      0,
      DOMID_SELF,
      list + mfns.length * 4,
      pfns.length,
      order[1],
      0,
      DOMID_SELF,
      done,
    ]);
    return [n, d.word(40)];
  };
  const [a, b] = [d.mfns[DATA], d.mfns[DATA2]];
  assert.deepEqual(exchange([a], [DATA], [0, 0]), [EINVAL, 0], "mapped");
  assert.equal(d.updateVa(d.va(DATA), 0n), 0);
  assert.deepEqual(exchange([a, a], [100], [0, 1]), [EINVAL, 0], "twice the same");
  assert.deepEqual(exchange([a, b], [100], [0, 1]), [EINVAL, 0], "one of them mapped");
  d.sound();
  assert.equal(owned(d), 24);
  assert.equal(d.remap(DATA, P | RW), 0, "what was looked at is still there");
  assert.equal(d.updateVa(d.va(DATA), 0n), 0);
  assert.equal(d.updateVa(d.va(DATA2), 0n), 0);
  assert.deepEqual(exchange([a, b], [100], [0, 1]), [0, 2]);
  const run = d.word(512 + 8);
  assert.equal(run % 2, 0);
  assert.equal(d.load(0xf5800000 + run * 4 + 4).value, 101n);
  assert.equal(d.load(0xf5800000 + a * 4).value, 0xffffffffn);
  assert.deepEqual(exchange([run], [DATA, DATA2], [1, 0]), [0, 1], "and back");
  assert.equal(owned(d), 24);
  assert.deepEqual(exchange([0], [DATA], [0, 0]), [EINVAL, 0]);
  assert.deepEqual(exchange([512], [DATA], [0, 0]), [EINVAL, 0]);
  assert.deepEqual(exchange([a], [DATA], [10, 10])[0], -1);
  assert.deepEqual(exchange([a, b], [DATA], [0, 0])[0], EINVAL);
  assert.deepEqual(exchange([a], [DATA], [0, 0], 2)[0], EINVAL);
  d.sound();
});

Deno.test("a long list is done in pieces, and the count goes on [memory_op.decrease_reservation]", async () => {
  const d = await domain(24, 32);
  // 4096 requests and more: the list is one page of the same request, mapped over and over
  const many = 5000;
  for (let i = 0; i < 20; i++) assert.equal(d.mmuUpdate(d.at(2, 50 + i), d.pte(DATA, P | RW)), 0);
  for (let i = 0; i < 256; i++) {
    d.store(d.va(DATA) + i * 16, d.at(DATA2, 0), 8);
    d.store(d.va(DATA) + i * 16 + 8, 7n, 8);
  }
  const list = BASE + 50 * 4096;
  const done = d.args([77], 256);
  assert.equal(d.hypercall(HC.mmu_update, list, many, done, DOMID_SELF), HC.mmu_update);
  assert.equal(d.word(256), 4096);
  // as the guest's INT 0x82 would run again with the registers it finds
  assert.equal(
    d.hypercall(HC.mmu_update, list + 4096 * 16, (many - 4096 + 0x80000000) | 0, done, DOMID_SELF),
    0,
  );
  assert.equal(d.word(256), many);
  assert.ok(done > ARGS);
  // and a list does not outlast its slice: 2000 ns are not enough for 100 requests
  d.rig.core.slice_end();
  d.run(2000);
  assert.equal(d.hypercall(HC.mmu_update, list, 100, done, DOMID_SELF), HC.mmu_update);
  const first = d.word(256);
  assert.ok(first > 10 && first < 90, `${first}`);
  d.rig.core.slice_end();
  d.run();
  const rest = (100 - first + 0x80000000) | 0;
  assert.equal(d.hypercall(HC.mmu_update, list + first * 16, rest, done, DOMID_SELF), 0);
  assert.equal(d.word(256), 100);
});

Deno.test("the machine grows past 2 GiB: a second block of the machine-to-phys table [memory_op.machphys_mfn_list]", async () => {
  const rig = await Rig.create(512);
  const d = TestDomain.create(rig, 24, 64);
  const beyond = 0xf5800000 + (1 << 19) * 4;
  assert.deepEqual(d.load(beyond), { error: 0, address: beyond });
  if (rig.core.machine_grow(600_000) !== 0) return; // this host has no 2.4 GiB of address space to give
  assert.equal(d.load(beyond).value, 0xffffffffn, "in tables that are loaded, too");
  assert.deepEqual(d.load(0xf5c00000), { error: 0, address: 0xf5c00000 });
  assert.equal(rig.core.machine_free_frames() > 600_000, true);
});
