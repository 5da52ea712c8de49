/**
 * memory_op's reservations and exchange. §7.9, §16.
 *
 * Which frame an allocation gives is the core's business: the model is told (`given`, the frames the
 * core put into the list) and checks that each was free.
 */
import { EINVAL, type Frame, NO_PFN } from "./frame.ts";
import { getPage, putPage } from "./references.ts";
import type { Domain, World } from "./world.ts";

/** Extents done, however little. `list`: mfns, each the first of 2^order. */
export function decrease(w: World, d: Domain, list: number[], order: number): number {
  let done = 0;
  for (const first of list) {
    for (let i = 0; i < 1 << order; i++) {
      const f = getPage(w, first + i, d.id);
      if (!f) return done;
      // shared_info and grant frames: the spec is silent. They stay; nothing but a domain's own memory
      // can be given up (as Xen, where the heap holds a reference more)
      if (!f.xenHeap) w.release(f);
      putPage(w, f);
    }
    done++;
  }
  return done;
}

/**
 * increase (no pfns) and populate. The domain gets what it asks for unless it has all it may have; runs
 * of neighbours (order > 0) the allocator may not have, so there `given` may be shorter.
 */
export function allocate(
  w: World,
  d: Domain,
  count: number,
  order: number,
  given: number[],
  pfns?: number[],
): number {
  let done = 0;
  for (; done < count; done++) {
    if (d.pages + (1 << order) > d.maxPages) break;
    if (order > 0 && done >= given.length) break;
    for (let i = 0; i < 1 << order; i++) {
      w.allocate(d.id, given[done] + i, pfns ? pfns[done] + i : NO_PFN);
    }
  }
  return done;
}

/** A frame that nothing but its allocation holds leaves its domain; undefined: it cannot. */
export function steal(w: World, d: Domain, mfn: number): Frame | undefined {
  const f = w.frame(mfn);
  if (!f || f.count !== 1 || f.owner !== d.id) return undefined;
  if (!f.allocated || f.xenHeap || f.typeCount) return undefined;
  return f;
}

/** exchange of single frames: [result, frames exchanged]. The new one gets the pfn in the other list. */
export function exchange(
  w: World,
  d: Domain,
  list: number[],
  pfns: number[],
  given: number[],
): [number, number] {
  for (let i = 0; i < list.length; i++) {
    const f = steal(w, d, list[i]);
    if (!f) return [EINVAL, i];
    // the new one is allocated while the old one is nobody's, but not yet free
    const fresh = given[i] === f.mfn ? NaN : given[i];
    w.release(f);
    w.allocate(d.id, fresh, pfns[i]);
  }
  return [0, list.length];
}
