// Operations on the x87's 80-bit format: unpacked operands A and B in, a pattern in X out.
//
// `precision` is what FCW's precision control selects (24, 53 or 64 bits of significand); the exponent
// always has the format's full range.
import { add_operands } from "./add";
import { divide_operands } from "./divide";
import { operand_of_integer, round_operand_to_integer } from "./integer";
import { multiply_operands } from "./multiply";
import { nan_result_one } from "./nan";
import { root_operand } from "./root";
import { round_result } from "./round";
import { DE, PE, raise } from "./state";
import {
  A,
  B,
  give_infinity,
  give_operand,
  give_zero,
  K_INFINITE,
  pack32,
  pack64,
  pack80,
  R,
  TOP,
  unpack32,
  unpack64,
  unpack80,
} from "./unpacked";

const EMIN: i32 = -16382;
const EMAX: i32 = 16383;
/** What the exponent of a result is adjusted by where overflow or underflow is unmasked. */
const BIAS_ADJUST: i32 = 24576;

/** An 80-bit result. */
@unmanaged
export class Extended {
  sig: u64;
  /** Sign and exponent. */
  se: u32;
}

export const X: Extended = changetype<Extended>(memory.data(16, 8));

/** Rounds R if it is to be rounded, and packs it into X. */
export function f80_finish(to_round: bool, precision: i32): void {
  if (to_round) {
    round_result(precision, EMIN, EMAX);
    if (R.wrapped) f80_adjust_bias();
  } else R.up = false;
  X.se = pack80();
  X.sig = R.sig;
}

/**
 * The response to unmasked overflow and underflow. FSCALE can be beyond even the adjusted exponents: then
 * the result is infinity or zero. Source: SDM volume 1, 8.5.4 and 8.5.5.
 */
function f80_adjust_bias(): void {
  R.exp -= R.wrapped * BIAS_ADJUST;
  if (R.exp > EMAX) give_infinity(R.sign);
  else if (R.exp < EMIN) give_zero(R.sign);
  else return;
  raise(PE);
  R.up = R.wrapped > 0;
}

export function f80_add(precision: i32): void {
  f80_finish(add_operands(false), precision);
}

export function f80_sub(precision: i32): void {
  f80_finish(add_operands(true), precision);
}

export function f80_mul(precision: i32): void {
  f80_finish(multiply_operands(), precision);
}

export function f80_div(precision: i32): void {
  f80_finish(divide_operands(), precision);
}

export function f80_sqrt(precision: i32): void {
  f80_finish(root_operand(), precision);
}

export function f80_round_to_integer(rounding: u32): void {
  round_operand_to_integer(64, rounding);
  X.se = pack80();
  X.sig = R.sig;
}

export function f80_from_integer(v: i64): void {
  f80_finish(operand_of_integer(v), 64);
}

/** FLD m32: exact; IE for a signalling NaN, DE for a denormal. */
export function f80_from_f32(v: u32): void {
  const exponent = (v >> 23) & 0xff;
  if (exponent - 1 < 0xfe) { // a normal number
    X.sig = TOP | (<u64> v << 40);
    X.se = (v >> 31 << 15) | (exponent + (16383 - 127));
    return;
  }
  unpack32(A, v);
  widen();
}

/** FLD m64. */
export function f80_from_f64(v: u64): void {
  const exponent = <u32> (v >> 52) & 0x7ff;
  if (exponent - 1 < 0x7fe) { // a normal number
    X.sig = TOP | (v << 11);
    X.se = (<u32> (v >> 63) << 15) | (exponent + (16383 - 1023));
    return;
  }
  unpack64(A, v);
  widen();
}

function widen(): void {
  R.up = false;
  if (!nan_result_one()) {
    if (A.denormal) raise(DE);
    if (A.kind == K_INFINITE) give_infinity(A.sign);
    else give_operand(A);
  }
  X.se = pack80();
  X.sig = R.sig;
}

/** FST m32 of A: no DE. */
export function f80_to_f32(): u32 {
  narrow(24, -126, 127);
  return pack32();
}

/** FST m64 of A. */
export function f80_to_f64(): u64 {
  narrow(53, -1022, 1023);
  return pack64();
}

function narrow(precision: i32, emin: i32, emax: i32): void {
  R.up = false;
  R.wrapped = 0;
  if (nan_result_one()) return;
  if (A.kind == K_INFINITE) give_infinity(A.sign);
  else if (give_operand(A)) round_result(precision, emin, emax);
}

/** The value of X becomes an operand again. */
export function f80_operand_a(sig: u64, se: u32): void {
  unpack80(A, sig, se);
}

export function f80_operand_b(sig: u64, se: u32): void {
  unpack80(B, sig, se);
}
