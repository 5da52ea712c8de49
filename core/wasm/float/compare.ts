// A against B; and the smaller and the larger of two as SSE chooses them.
import { is_special } from "./nan";
import { DE, IE, raise } from "./state";
import { A, B, K_SNAN, K_ZERO, Unpacked } from "./unpacked";

export const LESS: u32 = 0;
export const EQUAL: u32 = 1;
export const GREATER: u32 = 2;
export const UNORDERED: u32 = 3;

/** @param signal quiet NaNs are invalid too */
export function compare_operands(signal: bool): u32 {
  if (is_special(A.kind) || is_special(B.kind)) {
    if (signal || A.kind >= K_SNAN || B.kind >= K_SNAN) raise(IE);
    return UNORDERED;
  }
  if (A.denormal || B.denormal) raise(DE);
  if (A.kind == K_ZERO && B.kind == K_ZERO) return EQUAL;
  if (A.kind == K_ZERO) return B.sign ? GREATER : LESS;
  if (B.kind == K_ZERO || A.sign != B.sign) return A.sign ? LESS : GREATER;
  const m = magnitude(A, B);
  return m == EQUAL ? EQUAL : (m == LESS) != (A.sign != 0) ? LESS : GREATER;
}

function magnitude(a: Unpacked, b: Unpacked): u32 {
  if (a.exp != b.exp) return a.exp < b.exp ? LESS : GREATER;
  return a.sig == b.sig ? EQUAL : a.sig < b.sig ? LESS : GREATER;
}

/**
 * True if SSE's MIN (MAX) of A and B is A: only if A is really smaller (larger). NaNs of both kinds are
 * invalid, and give B as they are.
 */
export function chooses_first(max: bool): bool {
  return compare_operands(true) == (max ? GREATER : LESS);
}
