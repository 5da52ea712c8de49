/** The beginning and the end of a domain. */
import { NOBODY } from "./frame.ts";
import { READONLY, releaseGrant } from "./grants.ts";
import { newBasePointer } from "./mmuext.ts";
import { getPageAndType, putPageAndType } from "./references.ts";
import { Domain, type World } from "./world.ts";

export interface Builder {
  id: number;
  maxPages: number;
  mfns: number[];
  sharedInfo: number;
  grantFrame: number;
  /** The domain's memory as the builder filled it. */
  fill(mfn: number): Uint8Array;
}

/** A domain as the toolstack leaves it: the top table pinned, and loaded by vCPU 0. */
export function build(w: World, b: Builder): Domain {
  const grantFrame = w.allocate(b.id, b.grantFrame, undefined, true);
  const d = new Domain(b.id, b.maxPages, grantFrame);
  d.world = w;
  w.domains.set(b.id, d);
  w.allocate(b.id, b.sharedInfo, undefined, true);
  b.mfns.forEach((mfn, pfn) => w.allocate(b.id, mfn, pfn).bytes.set(b.fill(mfn)));
  const top = getPageAndType(w, b.mfns[0], b.id, "L3");
  if (typeof top === "number") throw new Error(`the builder's tables are refused: ${top}`);
  top.pinned = true;
  newBasePointer(w, d, b.mfns[0]);
  return d;
}

/** Everything goes back; what others still map stays until they let it go. */
export function destroy(w: World, d: Domain): void {
  for (const m of d.mappings) {
    if (m) releaseGrant(m.from, m.ref, !(m.flags & READONLY));
  }
  const { cr3, gdt } = d;
  d.cr3 = null;
  d.gdt = [];
  d.dropLdt();
  if (cr3) putPageAndType(w, cr3);
  for (const f of gdt) putPageAndType(w, f);
  const own = [...w.frames()].filter((f) => f.count > 0 && f.owner === d.id);
  for (const f of own) {
    if (!f.pinned) continue;
    f.pinned = false;
    putPageAndType(w, f);
  }
  for (const f of own) w.release(f);
  for (const f of own) if (f.count > 0) f.owner = NOBODY;
  d.dead = true;
  w.domains.delete(d.id);
}
