// FYL2X and FYL2XP1: y times the binary logarithm of x, of x + 1.
//
// log2(m) = 2/ln 2 * atanh((m - 1) / (m + 1)), for m within a factor of the square root of 2 around one.
import { f80_finish } from "../../float/f80";
import {
  long_add,
  long_divide,
  long_divide_small,
  long_from,
  long_integer,
  long_multiply,
  long_one,
  long_result,
  long_set,
  place,
} from "../../float/extended";
import { invalid, nan_result } from "../../float/nan";
import { DE, PE, raise, UE, ZE } from "../../float/state";
import {
  A,
  B,
  give_infinity,
  give_operand,
  give_zero,
  K_INFINITE,
  K_ZERO,
  R,
} from "../../float/unpacked";
import { deliver } from "./arithmetic";
import { C1, is_empty, operand_a, operand_b, pop, put_indefinite, set_codes, stack_fault } from "./state";

const mantissa = place(12);
const above = place(13);
const square = place(14);
const term = place(15);
const one = place(16);
const whole = place(17);
const factor = place(18);

/** Significand of the square root of two. */
const ROOT: u64 = 0xb504f333f9de6484;

function two_operands(): bool {
  set_codes(C1, 0);
  if (!is_empty(0) && !is_empty(1)) {
    operand_a(0);
    operand_b(1);
    return true;
  }
  if (stack_fault(false)) {
    put_indefinite(1);
    pop();
  }
  return false;
}

/** FYL2X. */
export function logarithm(): void {
  if (!two_operands()) return;
  f80_finish(logarithm_of(), 64);
  if (R.sig && !(R.sig >> 63)) raise(UE); // a denormal counts as inexact, even if it is not
  if (deliver(1)) pop();
}

/** FYL2XP1. */
export function logarithm_plus_1(): void {
  if (!two_operands()) return;
  f80_finish(logarithm_plus_1_of(), 64);
  if (deliver(1)) pop();
}

function logarithm_of(): bool {
  if (nan_result()) return false;
  if (A.kind == K_ZERO) {
    if (B.kind == K_ZERO) return invalid();
    if (B.kind != K_INFINITE) raise(ZE);
    return give_infinity(B.sign ^ 1);
  }
  if (A.sign) return invalid();
  const is_one = A.kind != K_INFINITE && A.exp == 0 && A.sig == 0x8000000000000000;
  if (
    (A.kind == K_INFINITE && B.kind == K_ZERO) || (is_one && B.kind == K_INFINITE)
  ) return invalid();
  if (A.denormal || B.denormal) raise(DE);
  const below_one: u32 = A.kind != K_INFINITE && A.exp < 0 ? 1 : 0;
  if (A.kind == K_INFINITE || B.kind == K_INFINITE) return give_infinity(B.sign ^ below_one);
  if (is_one || B.kind == K_ZERO) return give_zero(B.sign ^ below_one);
  // x = m * 2^e with m around one
  let e = A.exp;
  long_from(mantissa, A);
  mantissa.exp = 0;
  const exact = mantissa.hi == 0x8000000000000000;
  if (mantissa.hi > ROOT) {
    mantissa.exp = -1;
    e++;
  }
  raise(PE); // even where the logarithm is an integer
  if (exact) long_integer(mantissa, e);
  else {
    long_one(one);
    long_add(above, mantissa, one);
    one.sign = 1;
    long_add(mantissa, mantissa, one);
    binary_logarithm();
    long_integer(whole, e);
    long_add(mantissa, mantissa, whole);
  }
  long_from(factor, B);
  long_multiply(mantissa, mantissa, factor);
  return long_result(mantissa, !exact);
}

/** mantissa = log2 of (above + mantissa) / (above - mantissa) with half weights: of m, for m + 1 and m - 1. */
function binary_logarithm(): void {
  long_divide(mantissa, mantissa, above);
  long_multiply(square, mantissa, mantissa);
  long_one(one);
  long_divide_small(term, one, 53);
  for (let k: u64 = 51; k; k -= 2) {
    long_multiply(term, term, square);
    long_divide_small(whole, one, k);
    long_add(term, whole, term);
    if (k == 1) break;
  }
  long_multiply(mantissa, mantissa, term);
  long_set(factor, 1, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89); // 2 / ln 2
  long_multiply(mantissa, mantissa, factor);
}

function logarithm_plus_1_of(): bool {
  if (nan_result()) return false;
  if (A.kind == K_INFINITE && (A.sign || B.kind == K_ZERO)) return invalid();
  if (A.kind == K_ZERO && B.kind == K_INFINITE) return invalid();
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_INFINITE || B.kind == K_INFINITE) return give_infinity(A.sign ^ B.sign);
  if (A.kind == K_ZERO || B.kind == K_ZERO) return give_zero(A.sign ^ B.sign);
  // there is no logarithm, and the manual defines nothing: AMD gives x back
  if (A.sign && A.exp >= 0) {
    raise(PE);
    return give_operand(A);
  }
  long_one(one);
  long_from(mantissa, A);
  let e: i32 = 0;
  if (A.exp >= -2) {
    // outside the range that the manual defines, or near its ends: as log2 of the sum
    long_add(mantissa, mantissa, one);
    e = mantissa.exp;
    mantissa.exp = 0;
    if (mantissa.hi > ROOT) {
      mantissa.exp = -1;
      e++;
    }
    long_add(above, mantissa, one);
    one.sign = 1;
    long_add(mantissa, mantissa, one);
  } else {
    one.exp = 1;
    long_add(above, mantissa, one);
  }
  if (mantissa.hi) binary_logarithm();
  long_integer(whole, e);
  long_add(mantissa, mantissa, whole);
  long_from(factor, B);
  long_multiply(mantissa, mantissa, factor);
  return long_result(mantissa, true);
}
