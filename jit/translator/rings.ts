/**
 * The two rings that running code writes its traces to, eight bytes each: which region was left for where (JIT_EXITS),
 * and where the core let the guest go on (JIT_RESUMES).
 */
import {
  JIT_EXITS,
  JIT_EXITS_COUNT,
  JIT_EXITS_ENTRIES,
  JIT_RESUMES,
  JIT_RESUMES_COUNT,
  JIT_RESUMES_ENTRIES,
} from "../../core/wasm/layout.ts";

/** What was noted since a count. */
export interface Noted {
  /** The ring's count now. */
  count: number;
  /** How many were noted; the ring may have fewer. */
  noted: number;
  /** Those that it has, each pair of words once, in the order in which they were met from the latest on. */
  latest: { a: number; b: number; times: number }[];
}

function since(
  view: DataView,
  counter: number,
  ring: number,
  entries: number,
  before: number,
): Noted {
  const count = view.getUint32(counter, true);
  const noted = (count - before) >>> 0;
  const tally = new Map<string, { a: number; b: number; times: number }>();
  for (let n = 1; n <= Math.min(noted, entries); n++) {
    const at = ring + ((count - n) & (entries - 1)) * 8;
    const [a, b] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const key = `${a},${b}`;
    const seen = tally.get(key);
    if (seen) seen.times++;
    else tally.set(key, { a, b, times: 1 });
  }
  return { count, noted, latest: [...tally.values()] };
}

/** Exits of regions: `a` is the region's first record with the way it was left in the low bits, `b` the EIP. */
export function exitsSince(view: DataView, before: number): Noted {
  return since(view, JIT_EXITS_COUNT, JIT_EXITS, JIT_EXITS_ENTRIES, before);
}

/** Where the core let the guest go on: `a` is the EIP, `b` C_JUMP_TAG. */
export function resumesSince(view: DataView, before: number): Noted {
  return since(view, JIT_RESUMES_COUNT, JIT_RESUMES, JIT_RESUMES_ENTRIES, before);
}
