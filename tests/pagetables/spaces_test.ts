/**
 * Several address spaces in the TLB side by side: what one left is there when it comes back, unless its tables
 * changed; and what may not be written to is written to through none of them, wherever its entries lie.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { TLB, TLB_ENTRIES, TLB_ENTRY_SIZE, TLB_NEVER, TLB_WRITE } from "../../core/wasm/layout.ts";
import { BASE, OP, P, READ, Rig, RW, TestDomain, WRITE } from "./rig.ts";

/** Pages: pages of data; what becomes tables; and of each space its L1, slot-3 L2 and L3, the first's own being 2, 1, 0. */
const DATA = 5, PAGES_OF_DATA = 3, SPARE = 8;
const SPACES: [l1: number, l2: number, l3: number][] = [[2, 1, 0], [9, 10, 11], [12, 13, 14], [
  15,
  16,
  17,
]];
/** Addresses that each space maps as it likes. */
const FIRST = 30;
const v = (n: number) => BASE + (FIRST + n) * 4096;

/** A domain of four address spaces that map the same but for v(n), where nothing is. */
async function spaces(): Promise<TestDomain> {
  const d = TestDomain.create(await Rig.create());
  const tables = SPACES.slice(1);
  for (const page of [...tables.flat(), SPARE]) assert.equal(d.remap(page, P), 0);
  const copy = (from: number, to: number, change: Record<number, bigint>) => {
    for (let i = 0; i < 428; i++) {
      const e = change[i] ?? d.rig.entry(d.mfns[from], i);
      if (e) assert.equal(d.mmuUpdate(d.at(to, i), e), 0);
    }
  };
  for (const [l1, l2, l3] of tables) {
    copy(2, l1, {});
    copy(1, l2, { 0: d.pte(l1, P | RW) });
    assert.equal(d.mmuUpdate(d.at(l3, 3), d.pte(l2, P)), 0);
    assert.equal(d.mmuext(OP.PIN_L3, d.mfns[l3]), 0);
  }
  // the spare page has no writable mapping, and no other use
  return d;
}

const enter = (d: TestDomain, space: number) =>
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[SPACES[space][2]]), 0);
const map = (d: TestDomain, space: number, n: number, entry: bigint) =>
  assert.equal(d.mmuUpdate(d.at(SPACES[space][0], FIRST + n), entry), 0);
const tlb = (d: TestDomain) => d.rig.bytes.slice(TLB, TLB + TLB_ENTRIES * TLB_ENTRY_SIZE);

/** Places in the TLB through which an address may be written to, whichever address space it is of. */
function places(d: TestDomain, va: number): number {
  let found = 0;
  for (let n = 0; n < TLB_ENTRIES; n++) {
    const tag = d.rig.view.getBigUint64(TLB + n * TLB_ENTRY_SIZE + TLB_WRITE, true);
    if (tag !== BigInt(TLB_NEVER) && Number(tag & ~0xfffn) === va) found++;
  }
  return found;
}

/** Reads without the TLB learning anything. */
function knows(d: TestDomain, va: number, value: bigint): boolean {
  const before = tlb(d);
  assert.equal(d.load(va).value, value);
  return Buffer.compare(before, tlb(d)) === 0;
}

Deno.test("what an address space left in the TLB is there when it comes back [mmuext_op.new_baseptr]", async () => {
  const d = await spaces();
  for (let n = 0; n < PAGES_OF_DATA; n++) d.store(d.va(DATA + n), BigInt(n + 1));
  for (const [space] of SPACES.entries()) {
    map(d, space, 0, d.pte(DATA + space % PAGES_OF_DATA, P | RW));
  }
  const value = (space: number) => BigInt(space % PAGES_OF_DATA + 1);
  for (const [space] of SPACES.entries()) {
    enter(d, space);
    assert.equal(d.store(v(0), value(space)).error, undefined);
    assert.ok(knows(d, v(0), value(space)));
  }
  assert.equal(places(d, v(0)), SPACES.length);
  for (let round = 0; round < 3; round++) {
    for (const [space] of SPACES.entries()) {
      enter(d, space);
      assert.ok(knows(d, v(0), value(space)), `space ${space} in round ${round}`);
      d.sound();
    }
  }
});

Deno.test("a change of its tables is seen by an address space that comes back, a flush asked for or not [mmu.flush_l1] [mmuext_op.new_baseptr]", async () => {
  const d = await spaces();
  for (let n = 0; n < PAGES_OF_DATA; n++) d.store(d.va(DATA + n), BigInt(n + 1));
  for (const [space] of SPACES.entries()) {
    map(d, space, 0, d.pte(DATA, P | RW));
    enter(d, space);
    d.store(v(0), 1n);
  }
  for (const [space] of SPACES.entries()) {
    enter(d, (space + 1) % SPACES.length);
    map(d, space, 0, d.pte(DATA + 1, P | RW));
    enter(d, space);
    assert.equal(d.load(v(0)).value, 2n, "another page");
    enter(d, (space + 1) % SPACES.length);
    map(d, space, 0, d.pte(DATA + 1, P));
    enter(d, space);
    assert.equal(d.store(v(0), 9n).error, 3, "read only");
    enter(d, (space + 1) % SPACES.length);
    map(d, space, 0, 0n);
    enter(d, space);
    assert.equal(d.load(v(0)).error, 0, "not present");
    d.sound();
  }
});

Deno.test("a page that becomes a table is written to through no address space, wherever its entries lie [mmu.flush_type] [xsa.401]", async () => {
  // spaces that wrote to the page while it was none; the last is the one that runs when it becomes one
  for (const writers of [[0], [1], [3], [0, 1], [2, 3], [3, 2, 1, 0]]) {
    for (const running of SPACES.keys()) {
      const d = await spaces();
      for (const space of writers) map(d, space, 1, d.pte(SPARE, P | RW));
      for (const space of writers) {
        enter(d, space);
        assert.equal(d.store(v(1), 0n).error, undefined);
        d.sound();
      }
      assert.equal(places(d, v(1)), writers.length);
      enter(d, running);
      for (const space of writers) map(d, space, 1, d.pte(SPARE, P));
      d.sound();
      assert.equal(d.mmuext(OP.PIN_L1, d.mfns[SPARE]), 0);
      assert.equal(places(d, v(1)), 0, `written in ${writers}, pinned in ${running}`);
      d.sound();
      for (const space of writers) {
        enter(d, space);
        assert.equal(d.store(v(1), 7n).error, 3);
        d.sound();
      }
      assert.equal(d.rig.entry(d.mfns[SPARE], 0), 0n);
    }
  }
});

type Step =
  | { op: "enter"; space: number }
  | { op: "map"; space: number; n: number; page: number; flags: bigint }
  | { op: "access"; n: number; access: number }
  | { op: "invlpg"; n: number }
  | { op: "protect" | "pin" | "unpin"; page: number };
const space = fc.nat(SPACES.length - 1),
  n = fc.nat(3),
  page = fc.integer({ min: DATA, max: SPARE });
const steps = fc.oneof(
  fc.record({ op: fc.constant("enter" as const), space }),
  fc.record({
    op: fc.constant("map" as const),
    space,
    n,
    page,
    flags: fc.constantFrom(0n, P, P | RW, P | RW),
  }),
  fc.record({ op: fc.constant("access" as const), n, access: fc.constantFrom(READ, WRITE) }),
  fc.record({ op: fc.constant("access" as const), n, access: fc.constantFrom(READ, WRITE) }),
  fc.record({ op: fc.constant("invlpg" as const), n }),
  fc.record({
    op: fc.constantFrom("protect" as const, "pin" as const, "pin" as const, "unpin" as const),
    page,
  }),
);

Deno.test("switches, changes, accesses and pins in any order: after each switch the TLB says what the tables say, and nothing writes to a table", async () => {
  const d = await spaces();
  // pages that may become tables hold nothing, and are mapped nowhere else
  for (let n = DATA; n <= SPARE; n++) {
    for (const [space] of SPACES.entries()) {
      assert.equal(d.mmuUpdate(d.at(SPACES[space][0], n), 0n), 0);
    }
  }
  let [pinned, refused] = [0, 0];
  const take = (s: Step) => {
    if (s.op === "enter") {
      enter(d, s.space);
      for (let n = 0; n < 4; n++) {
        for (const access of [READ, WRITE]) {
          assert.deepEqual(d.touch(v(n), access), d.walk(v(n), access));
        }
      }
    } else if (s.op === "map") {
      d.mmuUpdate(d.at(SPACES[s.space][0], FIRST + s.n), s.flags ? d.pte(s.page, s.flags) : 0n);
    } else if (s.op === "access") d.touch(v(s.n), s.access);
    else if (s.op === "invlpg") {
      d.mmuext(OP.INVLPG_LOCAL, v(s.n));
      for (const access of [READ, WRITE]) {
        assert.deepEqual(d.touch(v(s.n), access), d.walk(v(s.n), access));
      }
    } else if (s.op === "protect") {
      for (const [space, [l1]] of SPACES.entries()) {
        for (let n = 0; n < 4; n++) {
          const leads = d.rig.entry(d.mfns[l1], FIRST + n) >> 12n === BigInt(d.mfns[s.page]);
          if (leads) map(d, space, n, d.pte(s.page, P));
        }
      }
    } else {
      const done = d.mmuext(s.op === "pin" ? OP.PIN_L1 : OP.UNPIN, d.mfns[s.page]) === 0;
      if (s.op === "pin") done ? pinned++ : refused++;
    }
    d.sound();
  };
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40, size: "max" }), (list) => list.forEach(take)),
    { numRuns: 150, endOnFailure: true },
  );
  assert.ok(pinned > 20 && refused > 20, `${pinned} pinned, ${refused} refused`);
});
