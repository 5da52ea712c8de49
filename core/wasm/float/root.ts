// The square root of A.
import { invalid, nan_result_one } from "./nan";
import { DE, raise } from "./state";
import { A, give_infinity, give_zero, K_INFINITE, K_ZERO, R, TOP } from "./unpacked";
import { root128, wide } from "./wide";

export function root_operand(): bool {
  if (nan_result_one()) return false;
  if (A.kind == K_ZERO) return give_zero(A.sign);
  if (A.sign) return invalid();
  if (A.kind == K_INFINITE) return give_infinity(0);
  if (A.denormal) raise(DE);
  R.sign = 0;
  R.exp = A.exp >> 1;
  R.sig = A.exp & 1 ? root128(A.sig, 0) : root128(A.sig >> 1, A.sig << 63);
  // (root + 1/2)^2 = root^2 + root + 1/4: never met, and passed if the remainder is above root
  R.low = wide.high || wide.low > R.sig ? TOP | 1 : wide.low ? 1 : 0;
  return true;
}
