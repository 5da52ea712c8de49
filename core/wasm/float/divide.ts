// A / B.
import { invalid, nan_result } from "./nan";
import { DE, raise, ZE } from "./state";
import { A, B, give_infinity, give_zero, K_INFINITE, K_ZERO, R, TOP } from "./unpacked";
import { divide128, wide } from "./wide";

export function divide_operands(): bool {
  if (nan_result()) return false;
  const sign = A.sign ^ B.sign;
  if (A.kind == B.kind && (A.kind == K_INFINITE || A.kind == K_ZERO)) return invalid();
  if (B.kind == K_ZERO && A.kind != K_INFINITE) {
    raise(ZE); // which comes before a denormal dividend
    return give_infinity(sign);
  }
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_INFINITE) return give_infinity(sign);
  if (B.kind == K_INFINITE || A.kind == K_ZERO) return give_zero(sign);
  R.sign = sign;
  const below = A.sig < B.sig;
  R.exp = A.exp - B.exp - (below ? 1 : 0);
  R.sig = below ? divide128(A.sig, 0, B.sig) : divide128(A.sig >> 1, A.sig << 63, B.sig);
  const rest = wide.low;
  const other = B.sig - rest;
  R.low = rest == 0 ? 0 : rest == other ? TOP : rest > other ? TOP | 1 : 1;
  return true;
}
