/** The auditor's look at the TLB: entries that can still be used must write to no table and reach nobody else's frame. */
import assert from "node:assert/strict";
import {
  MACHINE,
  PAGE_INFO,
  PAGE_INFO_SIZE,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_NEVER,
  TLB_READ,
  TLB_WRITE,
} from "../../core/wasm/layout.ts";
import { P, type TestDomain } from "./rig.ts";
import { DATA, domain, foreignFrame } from "./tables.ts";

/** Words of page_info (core/wasm/frames/page.ts). */
const TYPE = 1, TYPE_COUNT = 2, OWNER = 3;
const T_SEG_DESC = 5, GRANTED = 0x2000;

function setInfo(d: TestDomain, word: number, value: number): void {
  d.rig.view.setUint32(PAGE_INFO + d.mfns[DATA] * PAGE_INFO_SIZE + word * 4, value, true);
}

/** The TLB entry of the page DATA, as a finding names it. */
function entry(d: TestDomain, column: number): string {
  for (let i = 0; i < TLB_ENTRIES; i++) {
    const tag = d.rig.view.getBigUint64(TLB + i * TLB_ENTRY_SIZE + column, true);
    if (tag >> 12n === BigInt(d.va(DATA)) >> 12n) return `${i}, ${BigInt.asUintN(32, tag)}`;
  }
  throw new Error("not in the TLB");
}

const found = (d: TestDomain) => d.rig.audit(d.id).split("\n").sort();

/** DATA is in the TLB, for writing or for reading alone, and not mapped any more: nothing was flushed. */
async function cached(flags: bigint): Promise<{ d: TestDomain; other: number }> {
  const d = await domain();
  const other = d.rig.info(Number(foreignFrame(d))).owner;
  assert.equal(d.remap(DATA, flags), 0);
  assert.equal(d.load(d.va(DATA)).value, 0n);
  if (flags & 2n) assert.equal(d.store(d.va(DATA), 5n).value, 5n);
  assert.equal(d.updateVa(d.va(DATA), 0n, 0), 0);
  d.sound();
  return { d, other };
}

Deno.test("audit: an entry that writes to a frame in use as something else", async () => {
  const { d } = await cached(3n);
  const mfn = d.mfns[DATA];
  setInfo(d, TYPE, 0x800 | T_SEG_DESC);
  assert.deepEqual(found(d), [""], "nobody uses it as that");
  setInfo(d, TYPE_COUNT, 1);
  const at = entry(d, TLB_WRITE);
  assert.deepEqual(found(d), [`TLB: mfn ${mfn}, ${at}`, `type count: mfn ${mfn}, 0, 1`]);
});

for (
  const [how, flags, column] of [["writes to", 3n, TLB_WRITE], ["reads", P, TLB_READ]] as const
) {
  Deno.test(`audit: an entry that ${how} a frame of another's`, async () => {
    const { d, other } = await cached(flags);
    const mfn = d.mfns[DATA];
    setInfo(d, OWNER, other);
    const total = "total: mfn 0, 23, 24";
    assert.deepEqual(found(d), [`owner: mfn ${mfn}, ${entry(d, column)}`, total]);
    setInfo(d, TYPE, d.rig.view.getUint32(PAGE_INFO + mfn * PAGE_INFO_SIZE + 4, true) | GRANTED);
    assert.deepEqual(found(d), [total], "who granted it");
  });
}

Deno.test("audit: numbers that no address space has are no domain's, nor a new domain's", async () => {
  const d = await domain();
  const other = d.rig.info(Number(foreignFrame(d))).owner;
  for (const number of [0, 0x7fe]) {
    // a place that nothing uses
    let at = TLB;
    while (d.rig.view.getBigUint64(at + TLB_READ, true) !== BigInt(TLB_NEVER)) at += TLB_ENTRY_SIZE;
    d.rig.view.setBigUint64(at + TLB_READ, 0x40000000n | BigInt(number << 1), true);
    d.rig.view.setUint32(at + TLB_ADDEND, MACHINE + d.mfns[DATA] * 4096 - 0x40000000, true);
    assert.equal(d.rig.audit(other), "", `${number}`);
    d.sound();
  }
});
