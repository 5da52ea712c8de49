// What floating-point operations obey, and the exceptions they raise. The bits lie as in FSW and MXCSR.

export const IE: u32 = 1; // invalid operation
export const DE: u32 = 2; // denormal operand
export const ZE: u32 = 4; // division by zero
export const OE: u32 = 8; // overflow
export const UE: u32 = 16; // underflow
export const PE: u32 = 32; // inexact

export const NEAREST: u32 = 0;
export const DOWN: u32 = 1;
export const UP: u32 = 2;
export const ZERO: u32 = 3;

@unmanaged
export class FloatState {
  /** NEAREST, DOWN, UP or ZERO: RC as FCW and MXCSR encode it. */
  rounding: u32;
  /** Exceptions raised since they were last cleared. */
  flags: u32;
  /** Masked exceptions; matters here for UE and OE only. */
  masks: u32;
  /** Denormal operands of f32 and f64 operations count as zero. */
  daz: bool;
  /** Tiny results are flushed to zero where UE is masked. */
  ftz: bool;
  /** Of two NaNs the x87 takes the larger, SSE the first. */
  x87: bool;
}

export const float: FloatState = changetype<FloatState>(memory.data(32, 8));

/** Before SSE operations: the control bits of MXCSR; no flags yet. */
export function float_begin_sse(mxcsr: u32): void {
  float.rounding = (mxcsr >> 13) & 3;
  float.flags = 0;
  float.masks = (mxcsr >> 7) & 0x3f;
  float.daz = (mxcsr & 0x40) != 0;
  float.ftz = (mxcsr & 0x8000) != 0;
  float.x87 = false;
}

/** Before x87 operations: the control bits of FCW; no flags yet. */
export function float_begin_x87(fcw: u32): void {
  float.rounding = (fcw >> 10) & 3;
  float.flags = 0;
  float.masks = fcw & 0x3f;
  float.daz = false;
  float.ftz = false;
  float.x87 = true;
}

// @ts-ignore: decorator
@inline export function raise(flags: u32): void {
  float.flags |= flags;
}

/**
 * True if an unmasked exception comes before the computation: there is no result. Flags that only the
 * computation would have raised are dropped.
 */
export function float_precomputation(): bool {
  if (!float.flags || !(float.flags & ~float.masks & (IE | DE | ZE))) return false;
  float.flags &= IE | DE | ZE;
  return true;
}
