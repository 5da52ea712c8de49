/**
 * A hostile guest: random sequences of everything that changes page tables, with the audit after each
 * step. Whatever it does, every count is what a recount gives, and nothing lets it write to a table or
 * descriptor page.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  A,
  ARGS,
  BASE,
  D,
  DOMID_SELF,
  HC,
  NX,
  OP,
  P,
  READ,
  Rig,
  RW,
  TestDomain,
  US,
  words64,
  WRITE,
} from "./rig.ts";

const PAGES = 24;
/** Pages that sequences play with; those before carry the domain itself. */
const FIRST = 5;

/** Where an entry leads: mostly to an own page, else to what must never be reachable. */
type Target =
  | { kind: "page"; pfn: number }
  | { kind: "special"; which: "shared" | "zero" | "m2p" | "foreign" | "beyond" | "ones" };

/** Where a table entry is: page and index, or the argument's own number if out of range. */
interface Place {
  pfn: number;
  index: number;
}

type Step =
  | { op: "mmu_update"; place: Place; target: Target; flags: bigint; command: number }
  | { op: "update_va"; va: number; target: Target; flags: bigint; flush: number }
  | { op: "remap"; pfn: number; writable: boolean }
  | { op: "mmuext"; command: number; target: Target; source: Target }
  | { op: "set_gdt"; targets: Target[] }
  | { op: "set_ldt"; va: number; entries: number }
  | { op: "descriptor"; selector: number }
  | { op: "access"; va: number; size: number; access: number; user: boolean; value: Target }
  | { op: "reservation"; command: number; pages: number[]; order: number }
  | { op: "exchange"; pfn: number }
  | { op: "assist"; on: boolean };

const flags = fc.constantFrom(
  P,
  P | RW,
  P | US,
  P | RW | US,
  P | RW | A | D,
  P | A,
  0n,
  RW,
  P | NX,
  P | RW | NX,
  P | 8n,
  P | 0x80n,
  P | RW | 0x100n,
  P | (1n << 52n),
);
const pfn = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: FIRST, max: FIRST + 7 }) },
  { weight: 4, arbitrary: fc.integer({ min: FIRST, max: PAGES - 1 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }) },
);
const target: fc.Arbitrary<Target> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("page" as const), pfn }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("special" as const),
      which: fc.constantFrom("shared", "zero", "m2p", "foreign", "beyond", "ones"),
    }),
  },
);
const index = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 5 }) },
  { weight: 1, arbitrary: fc.constantFrom(426, 428, 500, 511) },
);
// pages at their first place, and through the L2 entries and L3 slots that sequences fill in
const va = fc.oneof(
  { weight: 5, arbitrary: pfn.map((n) => BASE + n * 4096) },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: 3 }), index, index).map(([l3, l2, l1]) =>
      (l3 * 0x40000000 + l2 * 0x200000 + l1 * 4096) >>> 0
    ),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant("mmu_update" as const),
      place: fc.record({ pfn, index }),
      target,
      flags,
      command: fc.constantFrom(0, 0, 0, 2, 3, 1, 4),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("update_va" as const),
      va,
      target,
      flags,
      flush: fc.constantFrom(0, 1, 2),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ op: fc.constant("remap" as const), pfn, writable: fc.boolean() }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant("mmuext" as const),
      command: fc.constantFrom(
        OP.PIN_L1,
        OP.PIN_L1,
        OP.PIN_L2,
        OP.PIN_L2,
        OP.PIN_L3,
        OP.PIN_L3,
        OP.PIN_L4,
        OP.UNPIN,
        OP.UNPIN,
        OP.NEW_BASEPTR,
        OP.TLB_FLUSH_LOCAL,
        OP.TLB_FLUSH_ALL,
        OP.CLEAR_PAGE,
        OP.COPY_PAGE,
      ),
      target,
      source: target,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("set_gdt" as const),
      targets: fc.array(target, { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("set_ldt" as const),
      va,
      entries: fc.constantFrom(0, 1, 512, 8192, 8193),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("descriptor" as const),
      selector: fc.constantFrom(0x04, 0x0c, 0x1004, 0x08, 0x1008),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant("access" as const),
      va,
      size: fc.constantFrom(1, 2, 4, 4, 8, 16),
      access: fc.constantFrom(READ, WRITE, WRITE, 3),
      user: fc.boolean(),
      value: target,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("reservation" as const),
      command: fc.constantFrom(0, 1, 1, 6),
      pages: fc.array(pfn, { minLength: 1, maxLength: 3 }),
      order: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("exchange" as const), pfn }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("assist" as const), on: fc.boolean() }) },
);

const start: fc.Arbitrary<Start> = fc.constantFrom("plain", "linked", "pinned", "loaded");

const specials = { zero: 0n, m2p: 512n, beyond: 0x4000000n, ones: 0xffffffffffn };

function mfnOf(d: TestDomain, foreign: number, t: Target): bigint {
  if (t.kind === "page") return BigInt(d.mfns[t.pfn]);
  if (t.which === "shared") return BigInt(d.sharedInfo);
  if (t.which === "foreign") return BigInt(foreign);
  return specials[t.which];
}

/** Carries out a step; what the calls answer does not matter here. */
function take(d: TestDomain, foreign: number, s: Step): void {
  const mfn = (t: Target) => mfnOf(d, foreign, t);
  const narrow = (t: Target) => Number(mfn(t) & 0xffffffffn);
  switch (s.op) {
    case "mmu_update":
      d.mmuUpdate(
        d.at(s.place.pfn, s.place.index) | BigInt(s.command),
        (mfn(s.target) << 12n) | s.flags,
      );
      break;
    case "update_va":
      d.updateVa(s.va, (mfn(s.target) << 12n) | s.flags, s.flush);
      break;
    case "remap":
      d.remap(s.pfn, s.writable ? P | RW | A | D : P | A);
      break;
    case "mmuext":
      d.mmuext(s.command, narrow(s.target), narrow(s.source));
      break;
    case "set_gdt":
      d.setGdt(s.targets.map(narrow));
      break;
    case "set_ldt":
      d.mmuext(OP.SET_LDT, s.va & ~0xfff, s.entries);
      break;
    case "descriptor":
      d.descriptor(s.selector);
      break;
    case "access":
      // the bytes written are an entry, so that pages come to look like tables
      d.cpl = s.user ? 3 : 1;
      if (s.access === READ) d.load(s.va + 4096 - (s.size >> 1), s.size);
      else d.store(s.va + (s.size < 8 ? 0 : 8), (mfn(s.value) << 12n) | 0x61n, s.size, s.access);
      d.cpl = 1;
      break;
    case "reservation": {
      const list = s.pages.map((n) => s.command === 1 ? d.mfns[n] : n);
      const done = d.reservation(s.command, list, s.order);
      if (s.command !== 1) {
        for (let i = 0; i < done; i++) {
          d.mfns[s.pages[i]] = d.word(256 + i * 4);
        }
      }
      break;
    }
    case "exchange": {
      const list = d.args([d.mfns[s.pfn], s.pfn], 256);
      const words = [list, 1, 0, 0, DOMID_SELF, list + 4, 1, 0, 0, DOMID_SELF, 0];
      if (d.memoryOp(11, words) === 0) d.mfns[s.pfn] = d.word(260);
      break;
    }
    case "assist":
      d.hypercall(HC.vm_assist, s.on ? 0 : 1, 2);
      break;
  }
}

/** What a sequence finds when it starts. */
type Start = "plain" | "linked" | "pinned" | "loaded";

/**
 * Gives some pages the contents of likely tables and takes their writable mappings away, so that
 * sequences start near the interesting states. Then, by choice, the tables are put to use.
 */
function prepare(d: TestDomain, start: Start): void {
  const [l1, l2, l2b, l3] = [FIRST, FIRST + 1, FIRST + 2, FIRST + 3];
  const raw = (pfn: number, index: number, value: bigint) =>
    assert.equal(d.mmuUpdate(d.at(pfn, index), value), 0);
  raw(l1, 0, d.pte(FIRST + 5, P | RW));
  raw(l1, 1, d.pte(FIRST + 6, P | RW | US));
  raw(l1, 2, d.pte(l1, P));
  raw(l2, 0, d.pte(l1, P | RW | US));
  raw(l2, 1, d.pte(l2, P));
  // a second address space, with the argument page where the first has it
  raw(l2b, 0, d.pte(2, P | RW | US));
  raw(l2b, 427, d.pte(3, P | RW));
  raw(l3, 0, d.pte(l2, P));
  raw(l3, 3, d.pte(l2b, P));
  for (const n of [l1, l2, l2b, l3]) assert.equal(d.remap(n, P | A), 0);
  if (start === "linked") assert.equal(d.mmuUpdate(d.at(0, 1), d.pte(l2, P)), 0);
  if (start === "pinned") assert.equal(d.mmuext(OP.PIN_L3, d.mfns[l3]), 0);
  if (start === "loaded") assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[l3]), 0);
}

Deno.test("a hostile guest's page tables stay sound [mmu.hostile] [xsa.310]", async () => {
  const rig = await Rig.create(4096);
  // a frame of another domain's, in use as writable
  const other = rig.core.domain_create(1, 4, 0);
  assert.equal(rig.core.domain_populate(other, 0, 1, 0x4000), 0);
  const foreign = rig.view.getUint32(0x4000, true);
  const before = rig.core.machine_free_frames();
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 120, size: "max" }), (start, steps) => {
      const d = TestDomain.create(rig, PAGES, PAGES + 4);
      try {
        prepare(d, start);
        d.sound();
        for (const s of steps) {
          take(d, foreign, s);
          d.sound();
          seen.set(s.op, (seen.get(s.op) ?? 0) + 1);
          if (d.load(ARGS).value === undefined) break; // it has unmapped its own arguments
        }
      } finally {
        d.destroy();
      }
      assert.equal(rig.core.machine_free_frames(), before, "memory is lost");
    }),
    { numRuns: 600 },
  );
  assert.equal(seen.size, 11);
});

Deno.test("after a flush every access goes where the tables say [mmu.flush_l1] [mmu.flush_upper]", async () => {
  const rig = await Rig.create(4096);
  const flush = fc.constantFrom(OP.TLB_FLUSH_LOCAL, OP.TLB_FLUSH_ALL, OP.NEW_BASEPTR);
  const round = fc.tuple(fc.array(step, { maxLength: 12, size: "max" }), flush);
  const places = fc.array(va, { minLength: 4, maxLength: 8 });
  let reached = 0;
  fc.assert(
    fc.property(
      start,
      fc.array(round, { maxLength: 10, size: "max" }),
      places,
      (start, rounds, places) => {
        const d = TestDomain.create(rig, PAGES, PAGES + 4);
        try {
          prepare(d, start);
          for (const [steps, flush] of rounds) {
            for (const s of steps) {
              // emulated stores are another test's: here a refused write is a fault
              if (s.op !== "assist") take(d, rig.core.machine_size() - 1, s);
            }
            if (d.load(ARGS).value === undefined) break;
            const root = flush === OP.NEW_BASEPTR ? rig.core.inspect_cr3(d.id, 0) : 0;
            assert.equal(d.mmuext(flush, root), 0);
            for (const place of places) {
              for (const cpl of [1, 3] as const) {
                d.cpl = cpl;
                for (const access of [READ, WRITE, READ, 3]) {
                  const expected = d.walk(place, access);
                  assert.deepEqual(d.touch(place, access), expected);
                  if ("host" in expected) reached++;
                }
              }
              d.cpl = 1;
            }
          }
        } finally {
          d.destroy();
        }
      },
    ),
    { numRuns: 200 },
  );
  assert.ok(reached > 1000);
});

Deno.test("words64 splits as the ABI does", () => {
  assert.deepEqual(words64(0x1122334455667788n), [0x55667788, 0x11223344]);
});
