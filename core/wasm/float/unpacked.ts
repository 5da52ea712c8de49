// Operands and results as the operations see them, whatever the format: a sign, an unbiased exponent
// and a significand whose top bit (63) is worth one. A NaN's significand is its fraction in the same
// place, so that conversion between formats keeps the leading payload bits.
import { float } from "./state";

// Kinds of operands.
export const K_ZERO: u32 = 0;
export const K_FINITE: u32 = 1;
export const K_INFINITE: u32 = 2;
export const K_QNAN: u32 = 3;
export const K_SNAN: u32 = 4;
/** An 80-bit pattern the processor refuses: its integer bit is clear although the exponent is not 0. */
export const K_UNSUPPORTED: u32 = 5;

export const TOP: u64 = 0x8000000000000000;
export const QUIET: u64 = 0x4000000000000000;
/** Exponent of infinities and NaNs in results: above that of every format. */
export const EXP_SPECIAL: i32 = 0x100000;

@unmanaged
export class Unpacked {
  kind: u32;
  sign: u32;
  exp: i32;
  sig: u64;
  /** It was a denormal in its format (and counts: DAZ is off). */
  denormal: bool;
}

@unmanaged
export class Result {
  sign: u32;
  exp: i32;
  sig: u64;
  /** Bits below sig: the first is worth half a unit of sig's last place, any other makes it inexact. */
  low: u64;
  /** The last rounding went away from zero (the x87's C1). */
  up: bool;
  /** Unmasked overflow (1) or underflow (-1): exp is unbounded. */
  wrapped: i32;
}

/** First and second operand, and the result. */
export const A: Unpacked = changetype<Unpacked>(memory.data(32, 8));
export const B: Unpacked = changetype<Unpacked>(memory.data(32, 8));
export const R: Result = changetype<Result>(memory.data(48, 8));

export function copy_unpacked(to: Unpacked, from: Unpacked): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), 32);
}

/** exponent: biased; fraction: left-aligned without the integer bit; emin: of normal numbers. */
// @ts-ignore: decorator
@inline
function unpack(x: Unpacked, sign: u32, exponent: i32, all_ones: i32, fraction: u64): void {
  x.sign = sign;
  x.denormal = false;
  const bias = all_ones >> 1;
  if (exponent == all_ones) {
    x.exp = EXP_SPECIAL;
    x.sig = TOP | fraction;
    x.kind = fraction == 0 ? K_INFINITE : fraction & QUIET ? K_QNAN : K_SNAN;
  } else if (exponent) {
    x.kind = K_FINITE;
    x.exp = exponent - bias;
    x.sig = TOP | fraction;
  } else if (fraction == 0 || float.daz) {
    x.kind = K_ZERO;
    x.exp = 0;
    x.sig = 0;
  } else {
    const n = <i32> clz<u64>(fraction);
    x.kind = K_FINITE;
    x.denormal = true;
    x.exp = 1 - bias - n;
    x.sig = fraction << n;
  }
}

export function unpack32(x: Unpacked, v: u32): void {
  unpack(x, v >> 31, (v >> 23) & 0xff, 0xff, <u64> (v & 0x7fffff) << 40);
}

export function unpack64(x: Unpacked, v: u64): void {
  unpack(x, <u32> (v >> 63), <i32> (v >> 52) & 0x7ff, 0x7ff, (v & 0xfffffffffffff) << 11);
}

/** @param se sign and exponent, the pattern's upper 16 bits */
export function unpack80(x: Unpacked, sig: u64, se: u32): void {
  const exponent = <i32> (se & 0x7fff);
  x.sign = (se >> 15) & 1;
  x.denormal = false;
  x.sig = sig;
  x.exp = exponent - 16383;
  if (exponent == 0) {
    if (sig == 0) {
      x.kind = K_ZERO;
      return;
    }
    // a denormal, or a pseudo-denormal whose integer bit is set: both weigh as exponent 1
    const n = <i32> clz<u64>(sig);
    x.kind = K_FINITE;
    x.denormal = true;
    x.exp = -16382 - n;
    x.sig = sig << n;
  } else if (!(sig >> 63)) x.kind = K_UNSUPPORTED;
  else if (exponent != 0x7fff) x.kind = K_FINITE;
  else {
    x.exp = EXP_SPECIAL;
    x.kind = sig == TOP ? K_INFINITE : sig & QUIET ? K_QNAN : K_SNAN;
  }
}

export function pack32(): u32 {
  const e: u32 = R.exp > 127 ? 255 : R.sig >> 63 ? R.exp + 127 : 0;
  return (R.sign << 31) | (e << 23) | (<u32> (R.sig >> 40) & 0x7fffff);
}

export function pack64(): u64 {
  const e: u64 = R.exp > 1023 ? 2047 : R.sig >> 63 ? R.exp + 1023 : 0;
  return (<u64> R.sign << 63) | (e << 52) | ((R.sig >> 11) & 0xfffffffffffff);
}

/** Sign and exponent of the 80-bit pattern; its significand is R.sig. */
export function pack80(): u32 {
  const e: u32 = R.exp > 16383 ? 0x7fff : R.sig >> 63 ? R.exp + 16383 : 0;
  return (R.sign << 15) | e;
}

// ---- results that need no rounding -------------------------------------------------------------

export function give_zero(sign: u32): bool {
  R.sign = sign;
  R.exp = -EXP_SPECIAL;
  R.sig = 0;
  return false;
}

export function give_infinity(sign: u32): bool {
  R.sign = sign;
  R.exp = EXP_SPECIAL;
  R.sig = TOP;
  return false;
}

/** The default NaN, "real indefinite". */
export function give_indefinite(): bool {
  R.sign = 1;
  R.exp = EXP_SPECIAL;
  R.sig = TOP | QUIET;
  return false;
}

/** The operand, a NaN, made quiet. */
export function give_quiet(x: Unpacked): bool {
  R.sign = x.sign;
  R.exp = EXP_SPECIAL;
  R.sig = x.sig | QUIET;
  return false;
}

/** A finite operand or zero as it is; true if it is to be rounded. */
export function give_operand(x: Unpacked): bool {
  if (x.kind == K_ZERO) return give_zero(x.sign);
  R.sign = x.sign;
  R.exp = x.exp;
  R.sig = x.sig;
  R.low = 0;
  return true;
}
