// ADD MUL SUB MIN DIV MAX SQRT, CMP and the horizontal forms, in all four formats.
import { f32_add, f32_compare, f32_div, f32_max, f32_min, f32_mul, f32_sqrt, f32_sub } from "../float/f32";
import { f64_add, f64_compare, f64_div, f64_max, f64_min, f64_mul, f64_sqrt, f64_sub } from "../float/f64";
import { EQUAL, GREATER, LESS, UNORDERED } from "../float/compare";
import {
  ordinary32,
  ordinary64,
  RESULT,
  safe32,
  safe64,
  sse_begin,
  sse_exact,
  sse_finish,
  sse_flags,
} from "./sse";

// Operations, as jit/semantics/sse.ts numbers them.
const ADD: u32 = 0;
const MUL: u32 = 1;
const SUB: u32 = 2;
const MIN: u32 = 3;
const DIV: u32 = 4;
const MAX: u32 = 5;
const SQRT: u32 = 6;
/** From here on: CMP with predicates 0 to 7. */
const CMP: u32 = 8;

// Formats.
const PD: u32 = 1;
const SS: u32 = 2;
const SD: u32 = 3;

/** Bytes of the destination that a format writes. */
function width(format: u32): usize {
  return format == SS ? 4 : format == SD ? 8 : 16;
}

/** dst = dst op src. Returns 0 if #XM is pending. */
export function cpu_sse_arithmetic(operation: u32, format: u32, dst: usize, src: usize): u32 {
  const n = width(format);
  if (sse_begin() && fast(operation, format, dst, src, n)) {
    memory.copy(dst, RESULT, n);
    return 1;
  }
  sse_exact();
  if (format & 1) {
    for (let i: usize = 0; i < n; i += 8) {
      store<u64>(RESULT + i, exact64(operation, load<u64>(dst + i), load<u64>(src + i)));
    }
  } else {
    for (let i: usize = 0; i < n; i += 4) {
      store<u32>(RESULT + i, exact32(operation, load<u32>(dst + i), load<u32>(src + i)));
    }
  }
  return sse_finish(dst, n);
}

/** All elements the fast way, into RESULT; false if one does not allow it. */
function fast(operation: u32, format: u32, dst: usize, src: usize, n: usize): bool {
  return format & 1
    ? fast_elements<f64, u64>(operation, dst, src, n)
    : fast_elements<f32, u32>(operation, dst, src, n);
}

// @ts-ignore: decorator
@inline function fast_elements<F, B>(operation: u32, dst: usize, src: usize, n: usize): bool {
  for (let i: usize = 0; i < n; i += sizeof<B>()) {
    if (!fast_element<F, B>(operation, load<B>(dst + i), load<B>(src + i), RESULT + i)) return false;
  }
  return true;
}

/** Whether the host's arithmetic may have a number: neither a NaN nor anything near the ends. */
// @ts-ignore: decorator
@inline function ordinary<B>(v: B): bool {
  return sizeof<B>() == 8 ? ordinary64(<u64> v) : ordinary32(<u32> v);
}

/** Whether the host's result is what the SSE unit gives, with no exception but those of rounding. */
// @ts-ignore: decorator
@inline function safe<B>(v: B): bool {
  return sizeof<B>() == 8 ? safe64(<u64> v) : safe32(<u32> v);
}

/** The relation of ordinary numbers. */
// @ts-ignore: decorator
@inline function relation_of<F>(x: F, y: F): u32 {
  return x < y ? LESS : x == y ? EQUAL : GREATER;
}

/** One element of a format, its numbers as F and their bits as B. */
function fast_element<F, B>(operation: u32, a: B, b: B, to: usize): bool {
  if (!ordinary<B>(b)) return false;
  if (operation != SQRT && !ordinary<B>(a)) return false;
  const x = reinterpret<F>(a);
  const y = reinterpret<F>(b);
  let r: F;
  let zero = false; // a zero is exact
  switch (operation) {
    case ADD:
      r = x + y;
      zero = true;
      break;
    case SUB:
      r = x - y;
      zero = true;
      break;
    case MUL:
      r = x * y;
      zero = x == 0 || y == 0;
      break;
    case DIV:
      r = x / y;
      zero = x == 0 && y != 0;
      break;
    case SQRT:
      r = sqrt<F>(y);
      zero = true;
      break;
    case MIN:
      store<B>(to, x < y ? a : b);
      return true;
    case MAX:
      store<B>(to, x > y ? a : b);
      return true;
    default:
      store<B>(to, <B> -(<i64> holds(operation - CMP, relation_of<F>(x, y))));
      return true;
  }
  store<F>(to, r);
  return safe<B>(reinterpret<B>(r)) || (zero && r == 0);
}

function exact64(operation: u32, a: u64, b: u64): u64 {
  switch (operation) {
    case ADD:
      return f64_add(a, b);
    case MUL:
      return f64_mul(a, b);
    case SUB:
      return f64_sub(a, b);
    case MIN:
      return f64_min(a, b);
    case DIV:
      return f64_div(a, b);
    case MAX:
      return f64_max(a, b);
    case SQRT:
      return f64_sqrt(b);
    default: {
      const predicate = operation - CMP;
      return <u64> -(<i64> holds(predicate, f64_compare(a, b, signals(predicate))));
    }
  }
}

function exact32(operation: u32, a: u32, b: u32): u32 {
  switch (operation) {
    case ADD:
      return f32_add(a, b);
    case MUL:
      return f32_mul(a, b);
    case SUB:
      return f32_sub(a, b);
    case MIN:
      return f32_min(a, b);
    case DIV:
      return f32_div(a, b);
    case MAX:
      return f32_max(a, b);
    case SQRT:
      return f32_sqrt(b);
    default: {
      const predicate = operation - CMP;
      return <u32> -(<i32> holds(predicate, f32_compare(a, b, signals(predicate))));
    }
  }
}

/** LT LE NLT NLE: a quiet NaN raises IE too. */
function signals(predicate: u32): bool {
  const p = predicate & 3;
  return p == 1 || p == 2;
}

/** 1 if a predicate of CMPccPS holds: EQ LT LE UNORD NEQ NLT NLE ORD. */
function holds(predicate: u32, relation: u32): u32 {
  let r: bool;
  switch (predicate & 3) {
    case 0:
      r = relation == EQUAL;
      break;
    case 1:
      r = relation == LESS;
      break;
    case 2:
      r = relation == LESS || relation == EQUAL;
      break;
    default:
      r = relation == UNORDERED;
      break;
  }
  return (r ? 1 : 0) ^ (predicate >> 2);
}

/**
 * HADD, HSUB and ADDSUB (0, 1, 2) of PS or PD. Returns 0 if #XM is pending.
 *
 * Their operands are first laid out as those of ADD and SUB.
 */
export function cpu_sse_horizontal(which: u32, format: u32, dst: usize, src: usize): u32 {
  sse_exact();
  const wide = format == PD;
  const count: u32 = wide ? 2 : 4;
  for (let i: u32 = 0; i < count; i++) {
    let from = dst;
    let at = i; // first operand's element
    let with_ = src;
    let second = i;
    let subtract = which == 1;
    if (which == 2) subtract = (i & 1) == 0;
    else {
      if (i >= count >> 1) from = src;
      at = (i & ((count >> 1) - 1)) << 1;
      with_ = from;
      second = at + 1;
    }
    const operation = subtract ? SUB : ADD;
    if (wide) {
      const r = exact64(operation, load<u64>(from + (at << 3)), load<u64>(with_ + (second << 3)));
      store<u64>(RESULT + (i << 3), r);
    } else {
      const r = exact32(operation, load<u32>(from + (at << 2)), load<u32>(with_ + (second << 2)));
      store<u32>(RESULT + (i << 2), r);
    }
  }
  return sse_finish(dst, 16);
}

/**
 * COMISS, UCOMISS and their double forms: the EFLAGS image that `a` and `b` give, or -1 with #XM
 * pending.
 *
 * @param format SS or SD
 * @param signal COMIS: a quiet NaN raises IE too
 */
export function cpu_sse_compare(format: u32, signal: u32, a: usize, b: usize): i32 {
  const quick = format == SD
    ? quick_relation<f64, u64>(load<u64>(a), load<u64>(b))
    : quick_relation<f32, u32>(load<u32>(a), load<u32>(b));
  if (quick >= 0) return flags_of(quick);
  sse_exact();
  const relation = format == SD
    ? f64_compare(load<u64>(a), load<u64>(b), signal != 0)
    : f32_compare(load<u32>(a), load<u32>(b), signal != 0);
  if (!sse_flags()) return -1;
  return flags_of(relation);
}

function flags_of(relation: u32): i32 {
  return relation == UNORDERED ? 0x45 : relation == LESS ? 1 : relation == EQUAL ? 0x40 : 0;
}

/** The relation of operands that raise nothing, or -1. */
// @ts-ignore: decorator
@inline function quick_relation<F, B>(a: B, b: B): i32 {
  return ordinary<B>(a) && ordinary<B>(b) ? relation_of<F>(reinterpret<F>(a), reinterpret<F>(b)) : -1;
}
