/**
 * What a present entry stands for: the references it takes on its target, and the bits it may have.
 * §7.2, §7.3.
 */
import {
  ALL_ONES,
  AVL_HIGH,
  EBUSY,
  EINVAL,
  EPERM,
  type Frame,
  G,
  mfnOf,
  NX,
  P,
  PCD,
  PSE,
  PWT,
  RW,
} from "./frame.ts";
import { getPage, getPageAndType, getType, putPage, putPageAndType } from "./references.ts";
import type { World } from "./world.ts";

/** Bits a present entry must not have, by level. */
const FORBIDDEN = {
  L1: PWT | PCD | PSE,
  L2: PWT | PCD | PSE | G,
  L3: PWT | PCD | PSE | G | AVL_HIGH | NX,
};
export const forbidden = (e: bigint, level: "L1" | "L2" | "L3"): boolean =>
  (e & FORBIDDEN[level]) !== 0n;

/** An L1 entry: any frame of `owner`'s for reading; for writing one that is no table or descriptors. */
export function takeL1Target(w: World, e: bigint, owner: number): number {
  if (forbidden(e, "L1")) return EINVAL;
  const mfn = mfnOf(e);
  if (!w.frame(mfn)) return mfn === ALL_ONES ? EINVAL : EPERM;
  const f = getPage(w, mfn, owner);
  if (!f) return EBUSY;
  if (e & RW && getType(w, f, "writable")) {
    putPage(w, f);
    return EBUSY;
  }
  return 0;
}

export function dropL1Target(w: World, e: bigint, tableOwner: number): void {
  if (!(e & P)) return;
  const f = w.frame(mfnOf(e))!;
  if (e & RW) return putPageAndType(w, f);
  // The page may be in use as an LDT through this very mapping, so LDTs are looked up again.
  if (f.type === "seg_desc" && f.typeCount && f.owner === tableOwner) {
    w.domains.get(tableOwner)?.dropLdt();
  }
  putPage(w, f);
}

/** An L2 entry: an L1 of the same domain's, or a linear use of an L2. */
export function takeL2Target(w: World, e: bigint, table: Frame): number {
  if (forbidden(e, "L2")) return EINVAL;
  const f = getPageAndType(w, mfnOf(e), table.owner, "L1");
  if (typeof f === "object") return 0;
  return f === EINVAL && takeLinear(w, e, table) ? 0 : f;
}

/**
 * A read-only entry may name a table of its own level: itself, which takes no reference, or another that
 * is checked already. That one must have no linear entries, and this one no linear uses: so no chain
 * of them is longer than one.
 */
function takeLinear(w: World, e: bigint, table: Frame): boolean {
  if (e & RW) return false;
  if (mfnOf(e) === table.mfn) return true;
  const f = w.frame(mfnOf(e));
  if (!f || !f.count || f.owner !== table.owner) return false;
  if (table.linearUses > 0 || f.linearEntries > 0) return false;
  if (f.type !== "L2" || !f.validated || !f.typeCount) return false;
  f.count++;
  f.typeCount++;
  f.linearUses++;
  table.linearEntries++;
  return true;
}

export function dropL2Target(w: World, e: bigint, table: Frame): void {
  if (!(e & P) || mfnOf(e) === table.mfn) return;
  const f = w.frame(mfnOf(e))!;
  if (f.type === "L2") {
    f.linearUses--;
    table.linearEntries--;
  }
  putPageAndType(w, f);
}

/** A PAE L3 entry: an L2; slot 3's is of a kind of its own, so it can be in no other slot. */
export function takeL3Target(w: World, e: bigint, slot: number, table: Frame): number {
  if (forbidden(e, "L3")) return EINVAL;
  const f = getPageAndType(w, mfnOf(e), table.owner, "L2", slot === 3);
  return typeof f === "object" ? 0 : f;
}

export function dropL3Target(w: World, e: bigint): void {
  if (e & P) putPageAndType(w, w.frame(mfnOf(e))!);
}
