/** The auditor that so many tests rely on: each kind of wrong that it knows, made by hand, is found and nothing else is. */
import assert from "node:assert/strict";
import { MAILBOX, PAGE_INFO, PAGE_INFO_SIZE } from "../../core/wasm/layout.ts";
import { OP, P, RW, type TestDomain, US } from "./rig.ts";
import { DATA, domain, fill, foreignFrame, L2, L2B } from "./tables.ts";

/** Words of page_info (core/wasm/frames/page.ts). */
const COUNT = 0, TYPE = 1, TYPE_COUNT = 2, OWNER = 3, LINEAR = 7;
const T_L1 = 1, T_SEG_DESC = 5;
const VALIDATED = 0x200, ALLOCATED = 0x800, GRANTED = 0x2000;
const PCD = 0x10n, PSE = 0x80n;
const ALL_ONES = 0xffffffff;

/** Changes page_info of a frame as nobody could. */
function info(d: TestDomain, mfn: number, word: number, change: (old: number) => number): void {
  const at = PAGE_INFO + mfn * PAGE_INFO_SIZE + word * 4;
  d.rig.view.setUint32(at, change(d.rig.view.getUint32(at, true)) >>> 0, true);
}
const retype = (type: number) => (old: number) => (old & ~0xff) | type;
const low = (e: bigint) => Number(e & 0xfffn);

/** What a case begins with: the rig's domain, a foreign frame, and L2s that are used linearly. */
interface Case {
  d: TestDomain;
  other: number;
  L3: number;
  SLOT3: number;
  TABLE: number;
  data: number;
}

async function begin(): Promise<Case> {
  const d = await domain();
  const other = Number(foreignFrame(d));
  for (const page of [L2, L2B]) {
    fill(d, page, {});
    assert.equal(d.mmuext(OP.PIN_L2, d.mfns[page]), 0);
  }
  assert.equal(d.mmuUpdate(d.at(L2, 0), d.pte(L2B, P)), 0);
  d.mmuext(OP.TLB_FLUSH_ALL);
  d.sound();
  return { d, other, L3: d.mfns[0], SLOT3: d.mfns[1], TABLE: d.mfns[2], data: d.mfns[DATA] };
}

/** What is done to the machine, and the lines that are to be found then. */
const CASES: Record<string, (c: Case) => string[]> = {
  "a general reference too many": ({ d, data }) => {
    info(d, data, COUNT, (n) => n + 1);
    return [`count: mfn ${data}, 2, 3`];
  },
  "a type reference too few": ({ d, data }) => {
    info(d, data, TYPE_COUNT, (n) => n - 1);
    return [`type count: mfn ${data}, 1, 0`];
  },
  "a linear use that is none": ({ d, SLOT3 }) => {
    info(d, SLOT3, LINEAR, () => 1);
    return [`linear: mfn ${SLOT3}, 0, 1`];
  },
  "linear uses that nobody noted": ({ d }) => {
    for (const page of [L2, L2B]) info(d, d.mfns[page], LINEAR, () => 0);
    return [`linear: mfn ${d.mfns[L2]}, 1, 0`, `linear: mfn ${d.mfns[L2B]}, ${ALL_ONES}, 0`];
  },
  "a linear entry that can write": ({ d }) => {
    d.rig.setEntry(d.mfns[L2], 0, d.pte(L2B, P | RW));
    return [`writable entry: mfn ${d.mfns[L2]}, 0, ${d.mfns[L2B]}`];
  },
  "a frame that is mapped writable, and descriptors": ({ d, TABLE, data }) => {
    info(d, data, TYPE, retype(T_SEG_DESC));
    return [`type: mfn ${data}, 7, 5`, `writable entry: mfn ${TABLE}, ${DATA}, ${data}`];
  },
  "a table that is mapped writable": ({ d, SLOT3, TABLE }) => {
    d.rig.setEntry(TABLE, 1, d.pte(1, P | RW));
    return [
      `type: mfn ${SLOT3}, 7, 2`,
      `writable entry: mfn ${TABLE}, 1, ${SLOT3}`,
      `type count: mfn ${SLOT3}, 2, 1`,
    ];
  },
  "a frame that is another's": ({ d, other, TABLE, data }) => {
    info(d, data, OWNER, () => d.rig.info(other).owner);
    return [`owner: mfn ${TABLE}, ${DATA}, ${data}`, "total: mfn 0, 23, 24"];
  },
  "a frame that is another's, who granted it": ({ d, other, data }) => {
    info(d, data, OWNER, () => d.rig.info(other).owner);
    info(d, data, TYPE, (type) => type | GRANTED);
    return ["total: mfn 0, 23, 24"];
  },
  "a mapped frame that is free": ({ d, TABLE, data }) => {
    info(d, data, COUNT, () => 0);
    return [
      `owner: mfn ${TABLE}, ${DATA}, ${data}`,
      "total: mfn 0, 23, 24",
      `owner: mfn ${data}, 1, ${d.id}`,
    ];
  },
  "an L1 of another's": ({ d, other, SLOT3 }) => {
    info(d, d.mfns[3], OWNER, () => d.rig.info(other).owner);
    return [
      `owner: mfn ${SLOT3}, 427, ${d.mfns[3]}`,
      `owner: mfn ${d.mfns[2]}, 3, ${d.mfns[3]}`,
      `owner: mfn ${d.mfns[3]}, 0, ${d.mfns[4]}`,
      "total: mfn 0, 23, 24",
    ];
  },
  "an L1 of another's, who granted it": ({ d, other, SLOT3 }) => {
    info(d, d.mfns[3], OWNER, () => d.rig.info(other).owner);
    info(d, d.mfns[3], TYPE, (type) => type | GRANTED);
    return [
      `owner: mfn ${SLOT3}, 427, ${d.mfns[3]}`,
      `owner: mfn ${d.mfns[3]}, 0, ${d.mfns[4]}`,
      "total: mfn 0, 23, 24",
    ];
  },
  "a free L1": ({ d, SLOT3, TABLE }) => {
    info(d, d.mfns[3], COUNT, () => 0);
    return [
      `owner: mfn ${SLOT3}, 427, ${d.mfns[3]}`,
      `owner: mfn ${TABLE}, 3, ${d.mfns[3]}`,
      "total: mfn 0, 23, 24",
      `count: mfn ${d.mfns[4]}, 2, 3`,
      `type count: mfn ${d.mfns[4]}, 1, 2`,
      `owner: mfn ${d.mfns[3]}, 2, ${d.id}`,
    ];
  },
  "a table that was never checked": ({ d, TABLE }) => {
    info(d, TABLE, TYPE, (type) => type & ~VALIDATED);
    return [`entry: mfn ${TABLE}, ${ALL_ONES}, ${ALLOCATED | T_L1}`];
  },
  "bits that no level may have": ({ d, L3, SLOT3, TABLE }) => {
    return [[L3, 3], [SLOT3, 0], [TABLE, DATA]].map(([mfn, index]) => {
      const e = d.rig.entry(mfn, index) | PCD;
      d.rig.setEntry(mfn, index, e);
      return `entry: mfn ${mfn}, ${index}, ${low(e)}`;
    });
  },
  "a superpage": ({ d, SLOT3 }) => {
    const e = d.rig.entry(SLOT3, 0) | PSE;
    d.rig.setEntry(SLOT3, 0, e);
    return [`entry: mfn ${SLOT3}, 0, ${low(e)}`];
  },
  "a frame that is not there": ({ d, TABLE }) => {
    const size = d.rig.core.machine_size();
    d.rig.setEntry(TABLE, 40, BigInt(size) << 12n | P | RW);
    return [`owner: mfn ${TABLE}, 40, ${size}`];
  },
  "an L3 entry without its forced bits": ({ d, L3 }) => {
    d.rig.setEntry(L3, 3, d.pte(1, P | RW));
    d.rig.setEntry(L3, 2, d.pte(L2, P | US));
    return [
      `entry: mfn ${L3}, 2, ${low(P | US)}`,
      `entry: mfn ${L3}, 3, ${low(P | RW)}`,
      `count: mfn ${d.mfns[L2]}, 4, 3`,
      `type count: mfn ${d.mfns[L2]}, 2, 1`,
    ];
  },
  "an L3 without slot 3": ({ d, L3, SLOT3 }) => {
    d.rig.setEntry(L3, 3, 0n);
    return [
      `entry: mfn ${L3}, 3, 0`,
      `count: mfn ${SLOT3}, 2, 3`,
      `type count: mfn ${SLOT3}, 0, 1`,
    ];
  },
  "an L3 with something behind slot 3": ({ d, L3 }) => {
    for (const slot of [4, 511]) d.rig.setEntry(L3, slot, 1n << 40n);
    return [`entry: mfn ${L3}, 4, 0`, `entry: mfn ${L3}, 511, 0`];
  },
  "the hypervisor's entries, changed": ({ d, SLOT3 }) => {
    const e = d.rig.entry(SLOT3, 428) | RW;
    d.rig.setEntry(SLOT3, 428, e);
    d.rig.setEntry(SLOT3, 511, P);
    return [`entry: mfn ${SLOT3}, 428, ${low(e)}`, `entry: mfn ${SLOT3}, 511, 1`];
  },
};

for (const [what, wrong] of Object.entries(CASES)) {
  Deno.test(`audit: ${what}`, async () => {
    const c = await begin();
    const expected = wrong(c);
    assert.deepEqual(c.d.rig.audit(c.d.id).split("\n").sort(), expected.sort());
  });
}

Deno.test("audit: more findings than there is room for are counted, and nothing is written behind the room", async () => {
  const { d } = await begin();
  // two findings each: a bit that may not be, and a frame that is not there
  const bad = BigInt(d.rig.core.machine_size()) << 12n | P | PCD;
  for (let i = 1; i < 512; i++) d.rig.setEntry(d.mfns[3], i, bad);
  const mailbox = d.rig.bytes.subarray(MAILBOX, MAILBOX + 0x8000);
  mailbox.fill(0xa5);
  assert.equal(d.rig.core.audit(d.id), 2 * 511);
  assert.equal(d.rig.view.getUint32(MAILBOX + 999 * 16 + 4, true), d.mfns[3], "the thousandth");
  assert.ok(mailbox.subarray(1000 * 16).every((byte) => byte === 0xa5));
});
