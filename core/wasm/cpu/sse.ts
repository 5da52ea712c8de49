// SSE floating point: what surrounds an operation of core/wasm/float.
//
// An operation works on all its elements before anything is written: results gather in RESULT, and
// only if no unmasked exception came of any element do they go to the destination. MXCSR gets the
// flags either way. Source: SDM volume 1, 11.5.
//
// The fast way: with all exceptions masked, rounding to nearest, no DAZ, no FTZ, and PE already set
// (as it is after the first inexact result), WebAssembly computes the same as the library as long as
// operands are zero or normal and results normal.
import { C_FX, CPU } from "../layout";
import { float, float_begin_sse, float_precomputation } from "../float/state";
import { fault, XM } from "./state";

export const MXCSR: usize = CPU + C_FX + 24;
/** Results in the making. */
export const RESULT: usize = memory.data(16, 16);

const FAST_MASK: u32 = 0xffe0; // all but IE DE ZE OE UE
const FAST: u32 = 0x1fa0;

/** Begins an operation on `dst`. True if the fast way is open. */
export function sse_begin(): bool {
  const mxcsr = load<u32>(MXCSR);
  if ((mxcsr & FAST_MASK) == FAST) return true;
  return false;
}

/** Begins the exact way. */
export function sse_exact(): void {
  float_begin_sse(load<u32>(MXCSR));
}

/** Notes the flags raised; 0 with #XM pending if one is unmasked. */
export function sse_flags(): u32 {
  const mxcsr = load<u32>(MXCSR);
  float_precomputation();
  store<u32>(MXCSR, mxcsr | float.flags);
  if (float.flags & ~float.masks) {
    fault(XM, 0);
    return 0;
  }
  return 1;
}

/** sse_flags(), and the first `bytes` of RESULT to `dst`. */
export function sse_finish(dst: usize, bytes: usize): u32 {
  if (!sse_flags()) return 0;
  memory.copy(dst, RESULT, bytes);
  return 1;
}

const MIN64: u64 = 0x0010000000000000;
const INF64: u64 = 0x7ff0000000000000;
const ABS64: u64 = 0x7fffffffffffffff;
const MIN32: u32 = 0x00800000;
const INF32: u32 = 0x7f800000;
const ABS32: u32 = 0x7fffffff;

/** Zero or a normal number. */
// @ts-ignore: decorator
@inline export function ordinary64(v: u64): bool {
  const m = v & ABS64;
  return m - MIN64 < INF64 - MIN64 || m == 0;
}
/** A normal number well above the smallest, so that no rounding made it one. */
// @ts-ignore: decorator
@inline export function safe64(v: u64): bool {
  return (v & ABS64) - 2 * MIN64 < INF64 - 2 * MIN64;
}
// @ts-ignore: decorator
@inline export function ordinary32(v: u32): bool {
  const m = v & ABS32;
  return m - MIN32 < INF32 - MIN32 || m == 0;
}
// @ts-ignore: decorator
@inline export function safe32(v: u32): bool {
  return (v & ABS32) - 2 * MIN32 < INF32 - 2 * MIN32;
}
