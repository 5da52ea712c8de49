// FSCALE and FXTRACT.
import { f80_finish, f80_from_integer, X } from "../../float/f80";
import { invalid, nan_result } from "../../float/nan";
import { DE, float_precomputation, raise, ZE } from "../../float/state";
import {
  A,
  B,
  give_infinity,
  give_operand,
  give_zero,
  K_INFINITE,
  K_ZERO,
} from "../../float/unpacked";
import { nan_result_one } from "../../float/nan";
import { R } from "../../float/unpacked";
import { deliver } from "./arithmetic";
import {
  C1,
  is_empty,
  operand_a,
  operand_b,
  push,
  put,
  put_indefinite,
  put_result,
  set_codes,
  signal,
  stack_fault,
} from "./state";

/** Exponents beyond any that a result could have, yet far from overflow when added. */
const FAR: i32 = 0x10000;

/** ST(0) = ST(0) * 2^trunc(ST(1)). Source: SDM volume 2, FSCALE's table. */
export function scale(): void {
  set_codes(C1, 0);
  if (is_empty(0) || is_empty(1)) {
    if (stack_fault(false)) put_indefinite(0);
    return;
  }
  operand_a(0);
  operand_b(1);
  f80_finish(scaled(), 64);
  deliver(0);
}

function scaled(): bool {
  if (nan_result()) return false;
  if (B.kind == K_INFINITE) {
    if (B.sign ? A.kind == K_INFINITE : A.kind == K_ZERO) return invalid();
    if (A.denormal) raise(DE);
    return B.sign ? give_zero(A.sign) : give_infinity(A.sign);
  }
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_INFINITE) return give_infinity(A.sign);
  if (A.kind == K_ZERO || B.kind == K_ZERO || B.exp < 0) return give_operand(A);
  const n = B.exp > 20 ? FAR : <i32> (B.sig >> (63 - B.exp));
  give_operand(A);
  R.exp += B.sign ? -min(n, FAR) : min(n, FAR);
  return true;
}

/** ST(0) becomes its exponent, and its significand is pushed. */
export function extract(): void {
  set_codes(C1, 0);
  if (is_empty(0) || !is_empty(7)) {
    if (stack_fault(!is_empty(0))) {
      put_indefinite(0);
      push();
      put_indefinite(0);
    }
    return;
  }
  operand_a(0);
  if (nan_result_one()) {
    f80_finish(false, 64);
    both(X.sig, X.se);
  } else if (A.kind == K_INFINITE) {
    f80_finish(give_infinity(0), 64);
    both(X.sig, X.se | (A.sign << 15));
  } else if (A.kind == K_ZERO) {
    raise(ZE);
    f80_finish(give_infinity(1), 64);
    both(0, A.sign << 15);
  } else {
    if (A.denormal) raise(DE);
    f80_from_integer(A.exp);
    both(A.sig, (A.sign << 15) | 0x3fff);
  }
}

/** ST(0) = X, then the given significand above it. */
function both(sig: u64, se: u32): void {
  if (float_precomputation()) {
    signal(0);
    return;
  }
  put_result(0);
  push();
  put(0, sig, se);
  signal(0);
}
