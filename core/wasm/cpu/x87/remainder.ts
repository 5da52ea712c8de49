// FPREM and FPREM1: exact remainders, at most 63 quotient bits at a time.
import { f80_finish } from "../../float/f80";
import { invalid, nan_result } from "../../float/nan";
import { DE, raise } from "../../float/state";
import {
  A,
  B,
  give_operand,
  give_zero,
  K_INFINITE,
  K_ZERO,
  R,
} from "../../float/unpacked";
import { deliver } from "./arithmetic";
import {
  C0,
  C1,
  C2,
  C3,
  is_empty,
  operand_a,
  operand_b,
  put_indefinite,
  set_codes,
  stack_fault,
} from "./state";

/** Low bits of the quotient, and whether the remainder is only partial. */
let quotient: u32 = 0;
let partial: bool = false;
let quotient_known: bool = false;

/** @param nearest FPREM1: the quotient is rounded to nearest, not cut off */
export function remainder(nearest: bool): void {
  set_codes(C1 | C2, 0); // C0 and C3 stay where there is no quotient
  if (is_empty(0) || is_empty(1)) {
    if (stack_fault(false)) put_indefinite(0);
    return;
  }
  operand_a(0);
  operand_b(1);
  quotient = 0;
  quotient_known = false;
  partial = false;
  f80_finish(reduced(nearest), 64);
  R.up = false;
  if (!deliver(0) || !quotient_known) return;
  let codes: u32 = partial ? C2 : 0;
  if (quotient & 1) codes |= C1;
  if (quotient & 2) codes |= C3;
  if (quotient & 4) codes |= C0;
  set_codes(C0 | C1 | C2 | C3, codes);
}

function reduced(nearest: bool): bool {
  if (nan_result()) return false;
  if (A.kind == K_INFINITE || B.kind == K_ZERO) return invalid();
  quotient_known = true;
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_ZERO) return give_zero(A.sign);
  if (B.kind == K_INFINITE) return give_operand(A);
  const difference = A.exp - B.exp;
  if (difference < 0) return below_divisor(nearest && difference == -1 && A.sig > B.sig);
  let steps = difference;
  if (difference >= 64) {
    partial = true;
    steps = (difference & 31) | 32;
  }
  // schoolbook division, one quotient bit for each step
  let rest = A.sig;
  let carry: u64 = 0;
  let q: u64 = 0;
  for (let i = 0;; i++) {
    q <<= 1;
    if (carry || rest >= B.sig) {
      rest -= B.sig;
      q |= 1;
    }
    if (i >= steps) break;
    carry = rest >> 63;
    rest <<= 1;
  }
  R.sign = A.sign;
  if (nearest && !partial) {
    const other = B.sig - rest;
    if (rest > other || (rest == other && (q & 1) != 0)) {
      rest = other;
      R.sign ^= 1;
      q++;
    }
  }
  if (!partial) quotient = <u32> q & 7;
  if (!rest) return give_zero(A.sign);
  const shift = <i32> clz<u64>(rest);
  R.sig = rest << shift;
  R.low = 0;
  R.exp = A.exp - steps - shift;
  return true;
}

/** A is smaller than B: it is its own remainder, or (FPREM1, above half of B) B away from it. */
function below_divisor(rounds_up: bool): bool {
  give_operand(A);
  if (!rounds_up) return true;
  // A has the next lower exponent: 2 * B - A in its units, which is less than B
  const rest = B.sig - (A.sig - B.sig);
  const shift = <i32> clz<u64>(rest);
  R.sign ^= 1;
  R.sig = rest << shift;
  R.exp -= shift;
  quotient = 1;
  return true;
}
