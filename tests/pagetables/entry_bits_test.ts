/**
 * Each bit of a present entry, at each level: by mmu_update, when the whole table is validated, and as a
 * change of flags alone. Refused is -EINVAL with nothing changed, whatever the way (golden mmu.*).
 */
import assert from "node:assert/strict";
import { A, D, NX, OP, P, RW, type TestDomain, US, words64 } from "./rig.ts";
import { DATA, domain, EINVAL, fill, L1, L2, L2B, L3 } from "./tables.ts";

const PWT = 8n, PCD = 0x10n, BIT7 = 0x80n, G = 0x100n;
const AVL = [0x200n, 0x400n, 0x800n];
const AVAIL_HIGH = Array.from({ length: 11 }, (_, n) => 1n << BigInt(52 + n));

/** For a level: a table of it in use, the page an entry of it leads to, and a page to validate as one. */
interface Level {
  table: number;
  target: number;
  candidate: number;
  pin: number;
  /** What else a table to be validated holds. */
  rest: (d: TestDomain) => Record<number, bigint>;
  /** Bits that the hypervisor adds. */
  forced: bigint;
}

const LEVELS: Record<1 | 2 | 3, Level> = {
  1: { table: 2, target: DATA, candidate: L1, pin: OP.PIN_L1, rest: () => ({}), forced: 0n },
  2: { table: 1, target: L1, candidate: L2, pin: OP.PIN_L2, rest: () => ({}), forced: 0n },
  3: {
    table: 0,
    target: L2,
    candidate: L3,
    pin: OP.PIN_L3,
    rest: (d) => ({ 3: d.pte(L2B, P) }),
    forced: RW | US,
  },
};

/** @param index of an entry that is free in the tables a domain starts with */
const INDEX: Record<1 | 2 | 3, number> = { 1: 40, 2: 40, 3: 1 };

function bitTest(name: string, level: 1 | 2 | 3, bits: bigint[], allowed: boolean): void {
  Deno.test(name, async () => {
    const d = await domain();
    const { table, target, candidate, pin, rest, forced } = LEVELS[level];
    if (level > 1) fill(d, L1, {});
    if (level > 2) {
      fill(d, L2, {});
      fill(d, L2B, { 0: d.pte(2, P) });
    }
    const at = d.at(table, INDEX[level]);
    const entry = () => d.rig.entry(d.mfns[table], INDEX[level]);
    for (const bit of bits) {
      const value = d.pte(target, P | bit), plain = d.pte(target, P);
      // from nothing
      assert.equal(d.mmuUpdate(at, value), allowed ? 0 : EINVAL, `${bit.toString(16)}`);
      assert.equal(entry(), allowed ? value | forced : 0n);
      d.sound();
      assert.equal(d.mmuUpdate(at, 0n), 0);
      // as a change of flags of an entry that is good, and back
      assert.equal(d.mmuUpdate(at, plain), 0);
      assert.equal(d.mmuUpdate(at, value), allowed ? 0 : EINVAL);
      assert.equal(entry(), (allowed ? value : plain) | forced);
      d.sound();
      assert.equal(d.mmuUpdate(at, plain), 0);
      assert.equal(d.mmuUpdate(at, 0n), 0);
      // with a table's other entries
      fill(d, candidate, { ...rest(d), 1: value });
      assert.equal(d.mmuext(pin, d.mfns[candidate]), allowed ? 0 : EINVAL, "validated");
      d.sound();
      if (allowed) {
        assert.equal(d.rig.entry(d.mfns[candidate], 1), value | forced);
        assert.equal(d.mmuext(OP.UNPIN, d.mfns[candidate]), 0);
      }
      if (level === 1) {
        const [low, high] = words64(value);
        assert.equal(d.hypercall(14, d.va(INDEX[1]), low, high, 2), allowed ? 0 : EINVAL);
        assert.equal(d.hypercall(14, d.va(INDEX[1]), 0, 0, 2), 0);
      }
      d.sound();
    }
  });
}

bitTest("L1: P alone [pte.l1.p]", 1, [0n], true);
bitTest("L1: RW [pte.l1.rw]", 1, [RW], true);
bitTest("L1: US [pte.l1.us]", 1, [US], true);
bitTest("L1: PWT is refused [pte.l1.pwt]", 1, [PWT, PWT | PCD], false);
bitTest("L1: PCD is refused [pte.l1.pcd]", 1, [PCD], false);
bitTest("L1: A [pte.l1.a]", 1, [A], true);
bitTest("L1: D [pte.l1.d]", 1, [D], true);
bitTest("L1: PAT is refused [pte.l1.pat]", 1, [BIT7], false);
bitTest("L1: G [pte.l1.g]", 1, [G], true);
bitTest("L1: bits 9 to 11 [pte.l1.avl]", 1, AVL, true);
bitTest("L1: bits 52 to 62 [pte.l1.avail_high]", 1, AVAIL_HIGH, true);
bitTest("L1: NX [pte.l1.nx]", 1, [NX], true);

bitTest("L2: P alone [pte.l2.p]", 2, [0n], true);
bitTest("L2: RW [pte.l2.rw]", 2, [RW], true);
bitTest("L2: US [pte.l2.us]", 2, [US], true);
bitTest("L2: PWT is refused [pte.l2.pwt]", 2, [PWT, PWT | PCD], false);
bitTest("L2: PCD is refused [pte.l2.pcd]", 2, [PCD], false);
bitTest("L2: A [pte.l2.a]", 2, [A], true);
bitTest("L2: D [pte.l2.d]", 2, [D], true);
bitTest("L2: PSE is refused [pte.l2.pse]", 2, [BIT7, BIT7 | RW | US], false);
bitTest("L2: G is refused [pte.l2.g]", 2, [G], false);
bitTest("L2: bits 9 to 11 [pte.l2.avl]", 2, AVL, true);
bitTest("L2: bits 52 to 62 [pte.l2.avail_high]", 2, AVAIL_HIGH, true);
bitTest("L2: NX [pte.l2.nx]", 2, [NX], true);

bitTest("L3: P alone, US and RW added [pte.l3.p] [mmu.readback]", 3, [0n], true);
bitTest("L3: RW [pte.l3.rw]", 3, [RW], true);
bitTest("L3: US [pte.l3.us]", 3, [US], true);
bitTest("L3: PWT is refused [pte.l3.pwt]", 3, [PWT, PWT | PCD], false);
bitTest("L3: PCD is refused [pte.l3.pcd]", 3, [PCD], false);
bitTest("L3: A [pte.l3.a]", 3, [A], true);
bitTest("L3: D [pte.l3.d]", 3, [D], true);
bitTest("L3: bit 7 is refused [pte.l3.pse]", 3, [BIT7], false);
bitTest("L3: G is refused [pte.l3.g]", 3, [G], false);
bitTest("L3: bits 9 to 11 [pte.l3.avl]", 3, AVL, true);
bitTest("L3: bits 52 to 62 are refused [pte.l3.avail_high]", 3, AVAIL_HIGH, false);
bitTest("L3: NX is refused [pte.l3.nx]", 3, [NX], false);

Deno.test("not present: anything, at any level [pte.l1.absent] [pte.l2.absent] [pte.l3.absent]", async () => {
  const d = await domain();
  for (const level of [1, 2, 3] as const) {
    const { table } = LEVELS[level];
    for (const value of [2n, 0xdeadbeef00000feen, 0xfffffffffffffffen, 0n]) {
      assert.equal(d.mmuUpdate(d.at(table, INDEX[level]), value), 0);
      assert.equal(d.rig.entry(d.mfns[table], INDEX[level]), value);
    }
  }
  d.sound();
});
