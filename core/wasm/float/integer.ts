// Between floating-point numbers and integers.
import { nan_result_one } from "./nan";
import { DE, DOWN, float, IE, NEAREST, PE, raise, UP, ZERO } from "./state";
import {
  A,
  give_infinity,
  give_operand,
  give_zero,
  K_FINITE,
  K_INFINITE,
  K_ZERO,
  R,
  TOP,
} from "./unpacked";
import { shift_right_jam, wide } from "./wide";

let inexact: bool = false;

/** |A|, finite with exp < 64, as an integer by the rounding mode; may carry out of 64 bits (gives 0). */
function rounded_magnitude(rounding: u32): u64 {
  R.up = false;
  shift_right_jam(A.sig, 0, A.exp < -2 ? 66 : 63 - A.exp);
  const n = wide.high;
  const rest = wide.low;
  inexact = rest != 0;
  let up: bool = false;
  if (rounding == NEAREST) up = rest > TOP || (rest == TOP && (n & 1) != 0);
  else if (rounding == DOWN) up = inexact && A.sign != 0;
  else if (rounding == UP) up = inexact && A.sign == 0;
  R.up = up;
  return up ? n + 1 : n;
}

/**
 * A as a signed integer of `bits` bits, sign-extended; the most negative one with IE if it does not fit.
 *
 * @param truncate rounds to zero whatever the rounding mode
 */
export function integer_of_operand(bits: i32, truncate: bool): i64 {
  const indefinite = <i64> -1 << (bits - 1);
  R.up = false;
  if (A.kind == K_ZERO) return 0;
  if (A.kind != K_FINITE || A.exp >= bits) {
    raise(IE);
    return indefinite;
  }
  const n = rounded_magnitude(truncate ? ZERO : float.rounding);
  const limit = (<u64> 1) << (bits - 1);
  if (n > limit || (n == limit && A.sign == 0) || (n == 0 && A.exp == 63)) {
    R.up = false;
    raise(IE);
    return indefinite;
  }
  if (inexact) raise(PE);
  return A.sign ? 0 - <i64> n : <i64> n;
}

/** R = an integer; true if it is to be rounded. */
export function operand_of_integer(v: i64): bool {
  if (v == 0) return give_zero(0);
  const n: u64 = v < 0 ? 0 - <u64> v : v;
  const shift = <i32> clz<u64>(n);
  R.sign = v < 0 ? 1 : 0;
  R.exp = 63 - shift;
  R.sig = n << shift;
  R.low = 0;
  return true;
}

/** R = A rounded to an integer in its own format; never to be rounded further. PE if it was none. */
export function round_operand_to_integer(precision: i32, rounding: u32): void {
  R.up = false;
  if (nan_result_one()) return;
  if (A.kind == K_INFINITE) {
    give_infinity(A.sign);
    return;
  }
  if (A.denormal) raise(DE);
  if (A.kind == K_ZERO || A.exp >= precision - 1) {
    give_operand(A);
    return;
  }
  const n = rounded_magnitude(rounding);
  const sign = A.sign;
  if (inexact) raise(PE);
  const up = R.up;
  operand_of_integer(<i64> n);
  R.sign = sign;
  R.up = up;
}
