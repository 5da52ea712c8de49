/** XENMEM_exchange with lists that cannot be read or written: no frame is lost, and none is got for nothing. */
import assert from "node:assert/strict";
import { DOMID_SELF, P, Rig, RW, TestDomain } from "../pagetables/rig.ts";

const CURRENT = 3, EXCHANGE = 11;
const EFAULT = -14, EBUSY = -16;
/** Pages whose frames are exchanged; where the lists are; the first page that is not mapped. */
const GIVEN = [12, 13, 14, 15], LIST = 16, PAGES = 24;
const M2P = 0xf5800000;

async function start(): Promise<TestDomain> {
  const d = TestDomain.create(await Rig.create(), PAGES, 40);
  for (const pfn of GIVEN) assert.equal(d.updateVa(d.va(pfn), 0n), 0);
  return d;
}

/** Exchanges single frames for extents of an order. @returns the result, and how many were exchanged */
function exchange(d: TestDomain, input: number, output: number, n: number, order = 0) {
  const [from, to] = [[input, n, 0, 0, DOMID_SELF], [output, n >> order, order, 0, DOMID_SELF]];
  const result = d.memoryOp(EXCHANGE, [...from, ...to, 0]);
  return [result, d.word(40)];
}

/** Words into a page, whether or not the domain may write there. */
function put(d: TestDomain, page: number, offset: number, words: number[]): number {
  for (let n = 0; n < words.length; n += 2) {
    const pair = BigInt(words[n]) | BigInt(words[n + 1] ?? 0) << 32n;
    d.rig.setEntry(d.mfns[page], offset / 8 + n / 2, pair);
  }
  return d.va(page) + offset;
}

const owned = (d: TestDomain) => d.memoryOp(CURRENT, [DOMID_SELF]);
const pfnOf = (d: TestDomain, mfn: number) => Number(d.load(M2P + mfn * 4).value);

Deno.test("a list of pfns that cannot be read: what was to be exchanged stays [memory_op.exchange] [errno.memory_op.EFAULT]", async () => {
  const d = await start();
  const input = put(d, LIST, 0, GIVEN.map((pfn) => d.mfns[pfn]));
  const free = d.rig.core.machine_free_frames();
  const end = d.va(PAGES);
  put(d, PAGES - 1, 4088, [200, 201]);
  // not mapped at all, the hypervisor's, and mapped but for the last word of a chunk
  for (const [output, n, order] of [[end, 1, 0], [M2P, 1, 0], [M2P - 4, 2, 0], [end, 4, 1]]) {
    assert.deepEqual(exchange(d, input, output, n, order), [EFAULT, 0]);
  }
  const two = put(d, LIST, 64, [d.mfns[12] & ~1]);
  assert.deepEqual(
    d.memoryOp(EXCHANGE, [two, 1, 1, 0, DOMID_SELF, end - 4, 2, 0, 0, DOMID_SELF, 0]),
    EFAULT,
    "one extent for two, whose second is not there",
  );
  assert.deepEqual([owned(d), d.rig.core.machine_free_frames()], [PAGES, free]);
  for (const pfn of GIVEN) assert.equal(d.remap(pfn, P | RW), 0, "still its own");
  d.sound();
});

Deno.test("what comes before the end of the list is exchanged, and counted [memory_op.exchange] [errno.memory_op.EFAULT]", async () => {
  const d = await start();
  const input = put(d, LIST, 0, GIVEN.map((pfn) => d.mfns[pfn]));
  const output = put(d, PAGES - 1, 4088, [200, 201]);
  assert.deepEqual(exchange(d, input, output, 4), [EFAULT, 2]);
  const got = [0, 4].map((n) => Number(d.load(output + n).value));
  assert.deepEqual(got.map((mfn) => pfnOf(d, mfn)), [200, 201]);
  const own = (pfn: number) => pfn >= 14 || got.includes(d.mfns[pfn]); // what was given up may come back
  for (const pfn of GIVEN) assert.equal(d.remap(pfn, P | RW), own(pfn) ? 0 : EBUSY);
  assert.equal(owned(d), PAGES);
  d.sound();
});

Deno.test("a list that cannot be written: -EFAULT, and the frames are there all the same, with their pfns [memory_op.exchange] [errno.memory_op.EFAULT]", async () => {
  const d = await start();
  const input = put(d, LIST, 0, [d.mfns[12]]);
  const output = put(d, LIST + 1, 0, [300]);
  assert.equal(d.remap(LIST + 1, P), 0);
  const [result] = exchange(d, input, output, 1);
  assert.equal(result, EFAULT);
  assert.equal(Number(d.load(output).value), 300, "as it was");
  assert.equal(d.remap(12, P | RW), EBUSY, "given up");
  assert.equal(owned(d), PAGES);
  const mfns = Array.from({ length: d.rig.core.machine_size() }, (_, mfn) => mfn);
  const [got, ...more] = mfns.filter((mfn) => pfnOf(d, mfn) === 300);
  assert.deepEqual([got === d.mfns[12], more], [false, []]);
  assert.equal(d.updateVa(d.va(12), (BigInt(got) << 12n) | P | RW), 0);
  d.sound();
});
