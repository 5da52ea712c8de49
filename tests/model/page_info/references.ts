/**
 * Taking a frame into use and letting it go: the rule that everything else follows from.
 *
 * A general reference keeps a frame from being freed. A type reference says what it is used as, and
 * while there is one nobody can use the frame as anything else: who can write to it has a "writable"
 * one, so no page table is ever written to but through the hypervisor. §7.1.
 */
import { checkPage } from "./descriptors.ts";
import { EINVAL, type Frame, type Type } from "./frame.ts";
import { devalidate, validate } from "./tables.ts";
import type { World } from "./world.ts";

/** A reference to a frame that `owner` must own, or undefined. */
export function getPage(w: World, mfn: number, owner: number): Frame | undefined {
  const f = w.frame(mfn);
  if (!f || f.count === 0 || f.owner !== owner) return undefined;
  f.count++;
  return f;
}

export function putPage(w: World, f: Frame): void {
  if (f.count === 0) throw new Error(`frame ${f.mfn}: a reference too many is put`);
  if (--f.count === 0) w.freed(f);
}

/** A use as `type`: 0 or the error. The frame's contents are checked when the type is new to it. */
export function getType(w: World, f: Frame, type: Type, xenL2 = false): number {
  const same = f.type === type && f.xenL2 === xenL2;
  if (f.typeCount > 0) {
    if (!same) return EINVAL;
    f.typeCount++;
    return 0;
  }
  if (!same) f.validated = false;
  f.type = type;
  f.xenL2 = xenL2;
  f.typeCount = 1;
  if (f.validated) return 0;
  const error = f.isTable ? validate(w, f) : type === "seg_desc" ? checkPage(f) : 0;
  if (error) { // §7.3: the page is left without a type
    f.typeCount = 0;
    f.type = "none";
    f.xenL2 = false;
    return error;
  }
  f.validated = true;
  return 0;
}

export function putType(w: World, f: Frame): void {
  if (f.typeCount === 0) throw new Error(`frame ${f.mfn}: a type reference too many is put`);
  if (--f.typeCount > 0 || !f.isTable) return;
  f.validated = false;
  devalidate(w, f);
}

/** Both references, or the error. */
export function getPageAndType(
  w: World,
  mfn: number,
  owner: number,
  type: Type,
  xenL2 = false,
): Frame | number {
  const f = getPage(w, mfn, owner);
  if (!f) return EINVAL;
  const error = getType(w, f, type, xenL2);
  if (error) putPage(w, f);
  return error || f;
}

export function putPageAndType(w: World, f: Frame): void {
  putType(w, f);
  putPage(w, f);
}
