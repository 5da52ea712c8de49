/** mmuext_op: pins, base pointers, whole pages. Flushes change no count. §7.6, §16. */
import { setLdt } from "./descriptors.ts";
import { EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } from "./frame.ts";
import { type Done, pageOwner } from "./mmu_update.ts";
import { getPage, getPageAndType, putPage, putPageAndType } from "./references.ts";
import type { Domain, World } from "./world.ts";

export interface Operation {
  cmd: number;
  arg1: number;
  arg2: number;
}

export function mmuext(w: World, d: Domain, list: Operation[], foreigndom: number): Done {
  const { owner, error } = pageOwner(w, d, foreigndom);
  if (error || owner !== d.id) return { result: error || EPERM, done: undefined };
  if (!list.length) return { result: 0, done: undefined };
  let done = 0;
  for (const op of list) {
    const result = operation(w, d, op);
    if (result) return { result, done };
    done++;
  }
  return { result: 0, done };
}

function operation(w: World, d: Domain, { cmd, arg1, arg2 }: Operation): number {
  switch (cmd) {
    case 0:
    case 1:
    case 2:
      return pin(w, d, arg1, (["L1", "L2", "L3"] as const)[cmd]);
    case 3: // PIN_L4: nothing, in a 32-bit domain
      return 0;
    case 4:
      return unpin(w, d, arg1);
    case 5:
      return newBasePointer(w, d, arg1);
    case 6:
    case 7:
    case 10:
    case 11:
      return 0;
    case 12: // FLUSH_CACHE
      return EACCES;
    case 13:
      return setLdt(d, arg1, arg2);
    case 15: // NEW_USER_BASEPTR
    case 18:
      return EINVAL;
    case 16:
      return overwrite(w, d, arg1, () => new BigUint64Array(512));
    case 17: {
      const source = getPage(w, arg2, d.id);
      if (!source) return EINVAL;
      const result = overwrite(w, d, arg1, () => source.words);
      putPage(w, source);
      return result;
    }
    case 19:
    case 20:
      return EOPNOTSUPP;
    default:
      return ENOSYS;
  }
}

function pin(w: World, d: Domain, mfn: number, type: "L1" | "L2" | "L3"): number {
  const f = getPageAndType(w, mfn, d.id, type);
  if (typeof f === "number") return f;
  if (f.pinned) {
    putPageAndType(w, f);
    return EINVAL;
  }
  f.pinned = true; // which keeps both references
  return 0;
}

function unpin(w: World, d: Domain, mfn: number): number {
  const f = w.frame(mfn);
  if (!f || !f.count || f.owner !== d.id || !f.pinned) return EINVAL;
  f.pinned = false;
  putPageAndType(w, f);
  return 0;
}

/** The same table again is a flush; but the LDT's pages are let go in any case. */
export function newBasePointer(w: World, d: Domain, mfn: number): number {
  const old = d.cr3;
  if (mfn !== old?.mfn) {
    const f = getPageAndType(w, mfn, d.id, "L3");
    if (typeof f === "number") return f;
    d.cr3 = f;
  }
  d.dropLdt();
  if (old && d.cr3 !== old) putPageAndType(w, old);
  return 0;
}

function overwrite(w: World, d: Domain, mfn: number, words: () => BigUint64Array): number {
  const f = getPageAndType(w, mfn, d.id, "writable");
  if (typeof f === "number") return EINVAL;
  f.words.set(words());
  putPageAndType(w, f);
  return 0;
}
