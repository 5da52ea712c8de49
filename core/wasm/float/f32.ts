// binary32 operations on bit patterns. Flags go to `float.flags`, see state.ts.
import { add_operands } from "./add";
import { chooses_first, compare_operands } from "./compare";
import { divide_operands } from "./divide";
import { integer_of_operand, operand_of_integer, round_operand_to_integer } from "./integer";
import { multiply_operands } from "./multiply";
import { nan_result_one } from "./nan";
import { root_operand } from "./root";
import { round_result } from "./round";
import { DE, float, raise } from "./state";
import { A, B, give_infinity, give_operand, K_INFINITE, pack32, pack64, unpack32 } from "./unpacked";

const PRECISION: i32 = 24;
const EMIN: i32 = -126;
const EMAX: i32 = 127;

function finish(to_round: bool): u32 {
  if (to_round) round_result(PRECISION, EMIN, EMAX);
  return pack32();
}

function operands(a: u32, b: u32): void {
  unpack32(A, a);
  unpack32(B, b);
}

export function f32_add(a: u32, b: u32): u32 {
  operands(a, b);
  return finish(add_operands(false));
}

export function f32_sub(a: u32, b: u32): u32 {
  operands(a, b);
  return finish(add_operands(true));
}

export function f32_mul(a: u32, b: u32): u32 {
  operands(a, b);
  return finish(multiply_operands());
}

export function f32_div(a: u32, b: u32): u32 {
  operands(a, b);
  return finish(divide_operands());
}

export function f32_sqrt(a: u32): u32 {
  unpack32(A, a);
  return finish(root_operand());
}

/** LESS, EQUAL, GREATER or UNORDERED. `signal`: quiet NaNs raise IE too. */
export function f32_compare(a: u32, b: u32, signal: bool): u32 {
  operands(a, b);
  return compare_operands(signal);
}

/** An operand as DAZ sees it. */
function flushed(v: u32): u32 {
  const sign: u32 = (<u32> 1) << 31;
  return float.daz && !(v & 0x7f800000) ? v & sign : v;
}

/** SSE's MIN: b unless a is less. */
export function f32_min(a: u32, b: u32): u32 {
  operands(a, b);
  return flushed(chooses_first(false) ? a : b);
}

/** SSE's MAX: b unless a is greater. */
export function f32_max(a: u32, b: u32): u32 {
  operands(a, b);
  return flushed(chooses_first(true) ? a : b);
}

export function f32_to_f64(a: u32): u64 {
  unpack32(A, a);
  if (nan_result_one()) return pack64();
  if (A.denormal) raise(DE);
  if (A.kind == K_INFINITE) give_infinity(A.sign);
  else if (give_operand(A)) round_result(53, -1022, 1023);
  return pack64();
}

/** The "integer indefinite" and IE where it does not fit; no DE. */
export function f32_to_i32(a: u32, truncate: bool): i32 {
  unpack32(A, a);
  return <i32> integer_of_operand(32, truncate);
}

export function f32_to_i64(a: u32, truncate: bool): i64 {
  unpack32(A, a);
  return integer_of_operand(64, truncate);
}

/** Signed integers of all widths. */
export function f32_from_integer(v: i64): u32 {
  return finish(operand_of_integer(v));
}

export function f32_round_to_integer(a: u32, rounding: u32): u32 {
  unpack32(A, a);
  round_operand_to_integer(PRECISION, rounding);
  return pack32();
}
