/** Pages that tests of page tables use, and how they become tables. */
import assert from "node:assert/strict";
import { MAILBOX } from "../../core/wasm/layout.ts";
import { P, Rig, RW, TestDomain } from "./rig.ts";

export const EPERM = -1;
export const ESRCH = -3;
export const EFAULT = -14;
export const EBUSY = -16;
export const EINVAL = -22;
export const ENOSYS = -38;

export const L1 = 8;
export const L2 = 9;
export const L3 = 10;
export const L2B = 11;
export const DATA = 12;
export const DATA2 = 13;

export async function domain(options = 0): Promise<TestDomain> {
  return TestDomain.create(await Rig.create(), 24, 32, options);
}

/** Puts entries into a page that is no table, then makes the page read-only. */
export function fill(d: TestDomain, pfn: number, entries: Record<number, bigint>): void {
  assert.equal(d.remap(pfn, P | RW), 0);
  for (const [index, value] of Object.entries(entries)) {
    assert.equal(d.mmuUpdate(d.at(pfn, Number(index)), value), 0);
  }
  assert.equal(d.remap(pfn, P), 0);
}

/** A frame of another domain, which never runs. */
export function foreignFrame(d: TestDomain): bigint {
  const { core } = d.rig;
  const other = core.domain_create(1, 8, 0);
  assert.ok(other > 0);
  assert.equal(core.domain_populate(other, 0, 8, MAILBOX), 0);
  return BigInt(d.rig.view.getUint32(MAILBOX, true));
}
