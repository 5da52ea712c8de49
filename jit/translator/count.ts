/**
 * Counts for a profile: how often a translated block is left, and where it leaves an instruction to the
 * interpreter. Nothing of it is in a translation that was not asked to count.
 */
import {
  PROFILE,
  PROFILE_EIP,
  PROFILE_HANDED,
  PROFILE_TRANSLATED,
  RECORDS,
} from "../../core/wasm/layout.ts";
import type { Emitter } from "../semantics/emitter.ts";
import type { Value } from "../semantics/value.ts";

/** Where a record's counts stand (core/wasm/layout.ts, PROFILE). */
export function countsOf(record: number): number {
  return PROFILE + (record - RECORDS >>> 1);
}

/** @param eip of the interpreter's block that the record belongs to */
export function count(x: Emitter, record: number, how: "left" | "handed", eip: Value): void {
  const at = countsOf(record) + (how === "left" ? PROFILE_TRANSLATED : PROFILE_HANDED);
  x.store(4, at, x.add(x.load(4, at), 1));
  x.store(4, countsOf(record) + PROFILE_EIP, eip);
}
