// Which NaN comes of an operation that has one among its operands.
import { float, IE, raise } from "./state";
import { A, B, give_indefinite, give_quiet, K_QNAN, K_SNAN, K_UNSUPPORTED } from "./unpacked";

/** An operand that has no number in it. */
// @ts-ignore: decorator
@inline export function is_special(kind: u32): bool {
  return kind >= K_QNAN;
}

/**
 * Settles operations with a NaN (or an unsupported 80-bit pattern) among A and B.
 *
 * SSE takes the first operand if it is a NaN, else the second. The x87 prefers a quiet NaN to a
 * signalling one, then the larger significand, then the positive. Source: SDM volume 1, table 4-7.
 *
 * @returns true if R holds the result
 */
export function nan_result(): bool {
  const a = A.kind;
  const b = B.kind;
  if (!is_special(a) && !is_special(b)) return false;
  if (a >= K_SNAN || b >= K_SNAN) raise(IE);
  if (a == K_UNSUPPORTED || b == K_UNSUPPORTED) {
    give_indefinite();
  } else if (!is_special(b)) give_quiet(A);
  else if (!is_special(a)) give_quiet(B);
  else if (!float.x87) give_quiet(A);
  else if (a != b) give_quiet(a == K_QNAN ? A : B);
  else if (A.sig != B.sig) give_quiet(A.sig > B.sig ? A : B);
  else give_quiet(A.sign == 0 ? A : B);
  return true;
}

/** The same for operations with one operand, A. */
export function nan_result_one(): bool {
  if (!is_special(A.kind)) return false;
  if (A.kind >= K_SNAN) raise(IE);
  if (A.kind == K_UNSUPPORTED) give_indefinite();
  else give_quiet(A);
  return true;
}

/** IE and the default NaN. */
export function invalid(): bool {
  raise(IE);
  return give_indefinite();
}
