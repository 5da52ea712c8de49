// binary64 operations on bit patterns. Flags go to `float.flags`, see state.ts.
import { add_operands } from "./add";
import { chooses_first, compare_operands } from "./compare";
import { divide_operands } from "./divide";
import { integer_of_operand, operand_of_integer, round_operand_to_integer } from "./integer";
import { multiply_operands } from "./multiply";
import { nan_result_one } from "./nan";
import { root_operand } from "./root";
import { round_result } from "./round";
import { DE, float, raise } from "./state";
import { A, B, give_infinity, give_operand, K_INFINITE, pack32, pack64, unpack64 } from "./unpacked";

const PRECISION: i32 = 53;
const EMIN: i32 = -1022;
const EMAX: i32 = 1023;

function finish(to_round: bool): u64 {
  if (to_round) round_result(PRECISION, EMIN, EMAX);
  return pack64();
}

function operands(a: u64, b: u64): void {
  unpack64(A, a);
  unpack64(B, b);
}

export function f64_add(a: u64, b: u64): u64 {
  operands(a, b);
  return finish(add_operands(false));
}

export function f64_sub(a: u64, b: u64): u64 {
  operands(a, b);
  return finish(add_operands(true));
}

export function f64_mul(a: u64, b: u64): u64 {
  operands(a, b);
  return finish(multiply_operands());
}

export function f64_div(a: u64, b: u64): u64 {
  operands(a, b);
  return finish(divide_operands());
}

export function f64_sqrt(a: u64): u64 {
  unpack64(A, a);
  return finish(root_operand());
}

/** LESS, EQUAL, GREATER or UNORDERED. `signal`: quiet NaNs raise IE too. */
export function f64_compare(a: u64, b: u64, signal: bool): u32 {
  operands(a, b);
  return compare_operands(signal);
}

/** An operand as DAZ sees it. */
function flushed(v: u64): u64 {
  const sign: u64 = (<u64> 1) << 63;
  return float.daz && !(v & 0x7ff0000000000000) ? v & sign : v;
}

/** SSE's MIN: b unless a is less. */
export function f64_min(a: u64, b: u64): u64 {
  operands(a, b);
  return flushed(chooses_first(false) ? a : b);
}

/** SSE's MAX: b unless a is greater. */
export function f64_max(a: u64, b: u64): u64 {
  operands(a, b);
  return flushed(chooses_first(true) ? a : b);
}

export function f64_to_f32(a: u64): u32 {
  unpack64(A, a);
  if (nan_result_one()) return pack32();
  if (A.denormal) raise(DE);
  if (A.kind == K_INFINITE) give_infinity(A.sign);
  else if (give_operand(A)) round_result(24, -126, 127);
  return pack32();
}

/** The "integer indefinite" and IE where it does not fit; no DE. */
export function f64_to_i32(a: u64, truncate: bool): i32 {
  unpack64(A, a);
  return <i32> integer_of_operand(32, truncate);
}

export function f64_to_i64(a: u64, truncate: bool): i64 {
  unpack64(A, a);
  return integer_of_operand(64, truncate);
}

/** Signed integers of all widths. */
export function f64_from_integer(v: i64): u64 {
  return finish(operand_of_integer(v));
}

export function f64_round_to_integer(a: u64, rounding: u32): u64 {
  unpack64(A, a);
  round_operand_to_integer(PRECISION, rounding);
  return pack64();
}
