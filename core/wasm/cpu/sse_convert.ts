// CVT*: between single, double and 32-bit integers, so many elements at a time.
import { f32_from_integer, f32_to_f64, f32_to_i32, f32_to_i64 } from "../float/f32";
import { f64_from_integer, f64_to_f32, f64_to_i32, f64_to_i64 } from "../float/f64";
import { ordinary32, ordinary64, RESULT, safe32, sse_begin, sse_exact, sse_finish } from "./sse";

// Element kinds, as jit/semantics/sse.ts numbers them.
const F32: u32 = 0;
const F64: u32 = 1;
const I32: u32 = 2;
const I64: u32 = 3; // only in 64-bit code

function size(kind: u32): usize {
  return kind == F64 || kind == I64 ? 8 : 4;
}

/**
 * Converts `count` elements of kind `from` at `src` to kind `to` at `dst`. Returns 0 if #XM is pending.
 *
 * @param options 1: towards zero whatever the rounding mode; 2: the rest of 16 bytes is cleared
 */
export function cpu_sse_convert(
  from: u32,
  to: u32,
  count: u32,
  options: u32,
  dst: usize,
  src: usize,
): u32 {
  const truncate = (options & 1) != 0;
  v128.store(RESULT, i64x2.splat(0));
  const bytes: usize = options & 2 ? 16 : count * size(to);
  if (quick(from, to, count, truncate, src)) {
    memory.copy(dst, RESULT, bytes);
    return 1;
  }
  sse_exact();
  v128.store(RESULT, i64x2.splat(0));
  for (let i: usize = 0; i < count; i++) {
    exact(from, to, truncate, src + i * size(from), RESULT + i * size(to));
  }
  return sse_finish(dst, bytes);
}

function exact(from: u32, to: u32, truncate: bool, src: usize, at: usize): void {
  if (from >= I32) {
    const v: i64 = from == I64 ? load<i64>(src) : load<i32>(src);
    if (to == F64) store<u64>(at, f64_from_integer(v));
    else store<u32>(at, f32_from_integer(v));
  } else if (to == I32) {
    if (from == F64) store<i32>(at, f64_to_i32(load<u64>(src), truncate));
    else store<i32>(at, f32_to_i32(load<u32>(src), truncate));
  } else if (to == I64) {
    if (from == F64) store<i64>(at, f64_to_i64(load<u64>(src), truncate));
    else store<i64>(at, f32_to_i64(load<u32>(src), truncate));
  } else if (to == F64) store<u64>(at, f32_to_f64(load<u32>(src)));
  else store<u32>(at, f64_to_f32(load<u64>(src)));
}

/** The fast way of sse.ts, into RESULT; false where it is not open. */
function quick(from: u32, to: u32, count: u32, truncate: bool, src: usize): bool {
  if (from == I64 || to == I64 || !sse_begin()) return false;
  for (let i: usize = 0; i < count; i++) {
    const p = src + i * size(from);
    const at = RESULT + i * size(to);
    if (from == I32) {
      if (to == F64) store<f64>(at, <f64> load<i32>(p));
      else store<f32>(at, <f32> load<i32>(p));
      continue;
    }
    let v: f64;
    if (from == F64) {
      if (!ordinary64(load<u64>(p))) return false;
      v = load<f64>(p);
    } else {
      if (!ordinary32(load<u32>(p))) return false;
      v = <f64> load<f32>(p);
    }
    if (to == F64) store<f64>(at, v);
    else if (to == F32) {
      const r = <f32> v;
      if (!safe32(reinterpret<u32>(r)) && v != 0) return false;
      store<f32>(at, r);
    } else {
      const n = truncate ? trunc<f64>(v) : nearest<f64>(v);
      if (!(n >= -2147483648.0 && n <= 2147483647.0)) return false;
      store<i32>(at, <i32> n);
    }
  }
  return true;
}
