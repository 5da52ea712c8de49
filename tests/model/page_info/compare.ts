/** One frame, as the core's page_info and memory have it, against the model's. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { A, D, type Frame, P, type Type, XEN } from "./frame.ts";
import type { World } from "./world.ts";

const TYPES: Record<Type, number> = { none: 0, L1: 1, L2: 2, L3: 3, seg_desc: 5, writable: 7 };
const PINNED = 0x100, VALIDATED = 0x200, XEN_L2 = 0x400, ALLOCATED = 0x800, XEN_HEAP = 0x1000;

/**
 * @param info where its page_info is: count, type and flags, type count, owner, two links, a word for
 *   code, linear count
 * @param bytes the core's memory, with the frame itself at `at`
 */
export function compareFrame(
  f: Frame,
  view: DataView,
  info: number,
  bytes: Uint8Array,
  at: number,
  w: World,
): void {
  if (f.owner === XEN) return;
  const word = (n: number) => view.getUint32(info + n * 4, true);
  const same = (got: unknown, expected: unknown, what: string) => {
    if (got === expected) return;
    assert.equal(got, expected, `${what} of frame ${f.mfn} (a ${f.type} of ${f.owner})`);
  };
  same(word(0), f.count, "count");
  if (f.count === 0) return;
  const flags = word(1), owner = word(3);
  same(f.owner >= 0 ? owner : !w.domains.has(owner), f.owner >= 0 ? f.owner : true, "owner");
  same(word(2), f.typeCount, "type count");
  same((flags & PINNED) !== 0, f.pinned, "pin");
  same((flags & ALLOCATED) !== 0, f.allocated, "allocation");
  same((flags & XEN_HEAP) !== 0, f.xenHeap, "kind");
  same(word(7) | 0, f.linearEntries - f.linearUses, "linear count");
  if (f.typeCount > 0) {
    same(flags & 0xff, TYPES[f.type], "type");
    same((flags & VALIDATED) !== 0, f.validated, "validation");
    same((flags & XEN_L2) !== 0, f.xenL2, "pae_xen_l2");
  }
  // shared_info is written by the hypervisor all the time
  if (f.xenHeap && w.domains.get(f.owner)?.grantFrame !== f) return;
  const memory = bytes.subarray(at, at + 4096);
  if (Buffer.compare(f.bytes, memory) === 0) return;
  const index = takeAccessed(f, memory);
  if (index < 0) return;
  const there = view.getBigUint64(at + index * 8, true);
  same(there.toString(16), f.words[index].toString(16), `word ${index}`);
}

/**
 * A processor sets accessed and dirty bits when it pleases: those the model takes over.
 *
 * @returns the first word that differs otherwise, -1 if none does
 */
export function takeAccessed(f: Frame, memory: Uint8Array): number {
  const view = new DataView(memory.buffer, memory.byteOffset, 4096);
  for (let index = 0; index < 512; index++) {
    const ours = view.getBigUint64(index * 8, true), theirs = f.words[index];
    if (ours === theirs) continue;
    const more = ours ^ theirs;
    const walked = f.isTable && (theirs & P) !== 0n && (more & ~(A | D)) === 0n &&
      (more & theirs) === 0n;
    if (!walked) return index;
    f.words[index] = ours;
  }
  return -1;
}
