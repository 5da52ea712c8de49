// FSIN, FCOS, FSINCOS, FPTAN.
//
// The argument is reduced by the processor's own pi, which has 66 bits; what is left is computed to
// about 120 bits and rounded once. Source: Intel SDM volume 1, 8.3.8.
import { f80_finish, X } from "../../float/f80";
import {
  Long,
  long_divide,
  long_divide_small,
  long_multiply,
  long_nudge,
  long_one,
  long_result,
  long_subtract,
  place,
} from "../../float/extended";
import { invalid, nan_result_one } from "../../float/nan";
import { DE, float_precomputation, raise } from "../../float/state";
import { A, give_zero, K_INFINITE, K_ZERO } from "../../float/unpacked";
import { normalise128, wide } from "../../float/wide";
import { deliver } from "./arithmetic";
import {
  C1,
  C2,
  is_empty,
  operand_a,
  push,
  put,
  put_indefinite,
  put_result,
  rounding_code,
  set_codes,
  signal,
  stack_fault,
} from "./state";

// pi as a multiple of 2^-64: 66 bits.
const PI_HIGH: u64 = 3;
const PI_LOW: u64 = 0x243f6a8885a308d3;

const remainder = place(0);
const square = place(1);
const term = place(2);
const one = place(3);
const sine_value = place(4);
const cosine_value = place(5);
const quotient = place(6);

/** Quarter turns taken off by reduce, modulo 4. */
let quarters: u32 = 0;

/** |A| modulo half of pi, to the nearest, into `remainder`. */
function reduce(): void {
  quarters = 0;
  remainder.sign = 0;
  if (A.exp < -2) {
    remainder.exp = A.exp;
    remainder.hi = A.sig;
    remainder.lo = 0;
    return;
  }
  // in units of 2^-65, of which half of pi has the 66-bit number above: A.sig << (A.exp + 2)
  let hi: u64 = 0;
  let lo: u64 = 0;
  for (let i = 63 + A.exp + 2, at = 63; i >= 0; i--, at--) {
    hi = (hi << 1) | (lo >> 63);
    lo = (lo << 1) | (at >= 0 ? (A.sig >> at) & 1 : 0);
    quarters <<= 1;
    if (hi > PI_HIGH || (hi == PI_HIGH && lo >= PI_LOW)) {
      hi -= PI_HIGH + (lo < PI_LOW ? 1 : 0);
      lo -= PI_LOW;
      quarters |= 1;
    }
  }
  const other_hi = PI_HIGH - hi - (PI_LOW < lo ? 1 : 0);
  const other_lo = PI_LOW - lo;
  if (hi > other_hi || (hi == other_hi && lo > other_lo)) {
    hi = other_hi;
    lo = other_lo;
    remainder.sign = 1;
    quarters++;
  }
  quarters &= 3;
  remainder.exp = 62 - normalise128(hi, lo);
  remainder.hi = wide.high;
  remainder.lo = wide.low;
}

/** Below this exponent of the argument, the second term of a series is beyond the 128th bit. */
const TINY: i32 = -64;

/** Sine of `remainder`, by its power series. */
function sine_series(): void {
  sine_value.sign = remainder.sign;
  sine_value.exp = remainder.exp;
  sine_value.hi = remainder.hi;
  sine_value.lo = remainder.lo;
  if (remainder.exp < TINY) {
    long_nudge(sine_value, false);
    return;
  }
  long_multiply(square, remainder, remainder);
  long_one(one);
  long_one(term);
  for (let k: u64 = 17; k; k--) {
    long_multiply(term, term, square);
    long_divide_small(term, term, 2 * k * (2 * k + 1));
    long_subtract(term, one, term);
  }
  long_multiply(sine_value, sine_value, term);
}

/** Cosine of `remainder`. */
function cosine_series(): void {
  long_one(cosine_value);
  if (remainder.exp < TINY) {
    long_nudge(cosine_value, false);
    return;
  }
  long_multiply(square, remainder, remainder);
  long_one(one);
  for (let k: u64 = 17; k; k--) {
    long_multiply(cosine_value, cosine_value, square);
    long_divide_small(cosine_value, cosine_value, (2 * k - 1) * 2 * k);
    long_subtract(cosine_value, one, cosine_value);
  }
}

/** R = the sine (of a quarter turn more: the cosine) of A, which reduce() has seen. */
function give_sine(turn: u32, negative: u32): bool {
  const q = (quarters + turn) & 3;
  let value: Long;
  if (q & 1) {
    cosine_series();
    value = cosine_value;
  } else {
    sine_series();
    value = sine_value;
  }
  value.sign ^= (q >> 1) ^ negative;
  return long_result(value, true);
}

/** False if the argument was dealt with: a NaN, an infinity, or out of range (C2). */
function reducible(): bool {
  if (A.kind != K_ZERO && A.exp >= 63 && A.kind < K_INFINITE) {
    set_codes(C1 | C2, C2);
    return false;
  }
  set_codes(C1 | C2, 0);
  return true;
}

function sine_of(turn: u32): void {
  if (is_empty(0)) {
    set_codes(C1 | C2, 0);
    if (stack_fault(false)) put_indefinite(0);
    return;
  }
  operand_a(0);
  if (!reducible()) return;
  f80_finish(circular(turn), 64);
  deliver(0);
}

/** Sine (turn 0) or cosine (turn 1) of A into R. */
function circular(turn: u32): bool {
  if (nan_result_one()) return false;
  if (A.kind == K_INFINITE) return invalid();
  if (A.kind == K_ZERO) {
    if (!turn) return give_zero(A.sign);
    long_one(one);
    return long_result(one, false);
  }
  if (A.denormal) raise(DE);
  reduce();
  return give_sine(turn, turn ? 0 : A.sign);
}

export function sine(): void {
  sine_of(0);
}

export function cosine(): void {
  sine_of(1);
}

/** Room for one more register above one that is in use; else the stack fault was dealt with. */
function room_for_two(): bool {
  if (!is_empty(0) && is_empty(7)) return true;
  set_codes(C1 | C2, 0);
  if (stack_fault(!is_empty(0))) {
    put_indefinite(0);
    push();
    put_indefinite(0);
  }
  return false;
}

export function sine_cosine(): void {
  if (!room_for_two()) return;
  operand_a(0);
  if (!reducible()) return;
  f80_finish(circular(1), 64);
  const sig = X.sig;
  const se = X.se;
  f80_finish(circular(0), 64);
  deliver_two(sig, se);
}

/** ST(0) = X, then the given number above it. */
function deliver_two(sig: u64, se: u32): void {
  if (float_precomputation()) {
    signal(0);
    return;
  }
  put_result(0);
  push();
  put(0, sig, se);
  rounding_code();
  signal(0);
}

export function tangent(): void {
  if (!room_for_two()) return;
  operand_a(0);
  if (!reducible()) return;
  const number = A.kind < K_INFINITE;
  f80_finish(tangent_of(), 64);
  if (number) deliver_two(0x8000000000000000, 0x3fff);
  else deliver_two(X.sig, X.se);
}

function tangent_of(): bool {
  if (nan_result_one()) return false;
  if (A.kind == K_INFINITE) return invalid();
  if (A.kind == K_ZERO) return give_zero(A.sign);
  if (A.denormal) raise(DE);
  reduce();
  sine_series();
  cosine_series();
  if (quarters & 1) {
    long_divide(quotient, cosine_value, sine_value);
    quotient.sign ^= 1;
  } else if (remainder.exp < TINY) {
    quotient.sign = remainder.sign;
    quotient.exp = remainder.exp;
    quotient.hi = remainder.hi;
    quotient.lo = remainder.lo | 1;
  } else long_divide(quotient, sine_value, cosine_value);
  quotient.sign ^= A.sign;
  return long_result(quotient, true);
}
