/**
 * A page becomes a table: every present entry is checked and takes its references, or, if one is
 * refused, none. And it stops being one. §7.3.
 */
import { A, EINVAL, type Frame, mfnOf, P, PSE, RW, US } from "./frame.ts";
import {
  dropL1Target,
  dropL2Target,
  dropL3Target,
  takeL1Target,
  takeL2Target,
  takeL3Target,
} from "./targets.ts";
import type { World } from "./world.ts";

/** Entries of an L2 that are the guest's: in slot 3's, 0xF5800000 and up is the hypervisor's. */
export const guestSlots = (f: Frame): number => f.xenL2 ? 428 : 512;

/** Entries of a table that are checked. */
const slots = (f: Frame): number => f.type === "L3" ? 4 : f.type === "L2" ? guestSlots(f) : 512;

function take(w: World, f: Frame, index: number): number {
  const e = f.words[index];
  if (!(e & P)) return f.type === "L3" && index === 3 ? EINVAL : 0; // slot 3 must be there
  if (f.type === "L1") return takeL1Target(w, e, f.owner);
  if (f.type === "L2") return takeL2Target(w, e, f);
  const error = takeL3Target(w, e, index, f);
  if (!error) f.words[index] = e | US | RW; // PAE L3 entries in use show both
  return error;
}

function drop(w: World, f: Frame, index: number): void {
  const e = f.words[index];
  if (f.type === "L1") dropL1Target(w, e, f.owner);
  else if (f.type === "L2") dropL2Target(w, e, f);
  else {
    if (e & P) f.words[index] = e & ~(US | RW | A);
    dropL3Target(w, e);
  }
}

export function validate(w: World, f: Frame): number {
  if (!w.domains.has(f.owner)) return EINVAL;
  if (f.type === "L3") f.words.fill(0n, 4);
  for (let index = 0; index < slots(f); index++) {
    const error = take(w, f, index);
    if (!error) continue;
    while (--index >= 0) drop(w, f, index);
    return error;
  }
  if (f.type !== "L3") return 0;
  const top = w.frame(mfnOf(f.words[3]))!;
  if (top.typeCount !== 1) { // in use by another L3 as well
    devalidate(w, f);
    return EINVAL;
  }
  top.words.fill(0n, 428);
  top.words[428] = (BigInt(w.m2p) << 12n) | P | A | PSE;
  return 0;
}

export function devalidate(w: World, f: Frame): void {
  for (let index = 0; index < slots(f); index++) drop(w, f, index);
}
