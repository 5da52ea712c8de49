// A + B and A - B. Like all operations here: R gets the result; true if it is still to be rounded.
import { invalid, nan_result } from "./nan";
import { DE, DOWN, float, raise } from "./state";
import {
  A,
  B,
  give_infinity,
  give_operand,
  give_zero,
  K_INFINITE,
  K_ZERO,
  R,
  TOP,
  Unpacked,
} from "./unpacked";
import { normalise128, shift_right_jam, wide } from "./wide";

export function add_operands(subtract: bool): bool {
  if (nan_result()) return false;
  if (subtract) B.sign ^= 1;
  if (A.kind == K_INFINITE && B.kind == K_INFINITE && A.sign != B.sign) return invalid();
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_INFINITE) return give_infinity(A.sign);
  if (B.kind == K_INFINITE) return give_infinity(B.sign);
  if (A.kind == K_ZERO && B.kind == K_ZERO) {
    return give_zero(A.sign == B.sign ? A.sign : exact_zero_sign());
  }
  if (A.kind == K_ZERO) return give_operand(B);
  if (B.kind == K_ZERO) return give_operand(A);
  if (A.exp < B.exp || (A.exp == B.exp && A.sig < B.sig)) return sum(B, A);
  return sum(A, B);
}

/** Sign of a difference that is exactly zero. */
export function exact_zero_sign(): u32 {
  return float.rounding == DOWN ? 1 : 0;
}

/** big is at least small in magnitude. */
function sum(big: Unpacked, small: Unpacked): bool {
  R.sign = big.sign;
  R.exp = big.exp;
  shift_right_jam(small.sig, 0, big.exp - small.exp);
  if (big.sign == small.sign) {
    const sig = big.sig + wide.high;
    if (sig >= big.sig) {
      R.sig = sig;
      R.low = wide.low;
      return true;
    }
    shift_right_jam(sig, wide.low, 1);
    R.sig = wide.high | TOP;
    R.low = wide.low;
    R.exp++;
    return true;
  }
  const high = big.sig - wide.high - (wide.low ? 1 : 0);
  const low = 0 - wide.low;
  if (!(high | low)) return give_zero(exact_zero_sign());
  R.exp -= normalise128(high, low);
  R.sig = wide.high;
  R.low = wide.low;
  return true;
}
