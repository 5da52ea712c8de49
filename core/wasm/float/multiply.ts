// A * B.
import { invalid, nan_result } from "./nan";
import { DE, raise } from "./state";
import { A, B, give_infinity, give_zero, K_INFINITE, K_ZERO, R } from "./unpacked";
import { multiply128, normalise128, wide } from "./wide";

export function multiply_operands(): bool {
  if (nan_result()) return false;
  const sign = A.sign ^ B.sign;
  if (
    (A.kind == K_INFINITE && B.kind == K_ZERO) || (A.kind == K_ZERO && B.kind == K_INFINITE)
  ) return invalid();
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_INFINITE || B.kind == K_INFINITE) return give_infinity(sign);
  if (A.kind == K_ZERO || B.kind == K_ZERO) return give_zero(sign);
  R.sign = sign;
  multiply128(A.sig, B.sig);
  R.exp = A.exp + B.exp + 1 - normalise128(wide.high, wide.low);
  R.sig = wide.high;
  R.low = wide.low;
  return true;
}
