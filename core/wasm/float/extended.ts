// Numbers of 128 significant bits, for functions whose 64-bit results should come out rounded right.
//
// A value is (-1)^sign * (hi:lo / 2^127) * 2^exp with the top bit of hi set; zero has hi = lo = 0.
// Operations cut off what does not fit: an error of a unit or two in the 128th bit.
import { divide128, multiply128, normalise128, shift_right_jam, wide } from "./wide";
import { EXP_SPECIAL, R, Unpacked } from "./unpacked";

@unmanaged
export class Long {
  sign: u32;
  exp: i32;
  hi: u64;
  lo: u64;
}

const LONG_SIZE: usize = 24;
const TOP: u64 = 0x8000000000000000;

/** n-th of 32 places for intermediate values; each function of x87/ has its own. */
const PLACES: usize = memory.data(768, 8);
// @ts-ignore: decorator
@inline export function place(n: usize): Long {
  return changetype<Long>(PLACES + n * LONG_SIZE);
}

export function long_set(to: Long, exp: i32, hi: u64, lo: u64): void {
  to.sign = 0;
  to.exp = exp;
  to.hi = hi;
  to.lo = lo;
}

export function long_copy(to: Long, from: Long): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), LONG_SIZE);
}

export function long_one(to: Long): void {
  long_set(to, 0, TOP, 0);
}

/** An unpacked operand that is finite or zero. */
export function long_from(to: Long, x: Unpacked): void {
  to.sign = x.sign;
  to.exp = x.sig ? x.exp : -EXP_SPECIAL;
  to.hi = x.sig;
  to.lo = 0;
}

export function long_integer(to: Long, v: i32): void {
  if (v == 0) {
    long_set(to, -EXP_SPECIAL, 0, 0);
    return;
  }
  const n: u64 = v < 0 ? -(<i64> v) : v;
  const shift = <i32> clz<u64>(n);
  long_set(to, 63 - shift, n << shift, 0);
  to.sign = v < 0 ? 1 : 0;
}

/** R = x, to be rounded. `inexact`: there are further bits that were cut off. */
export function long_result(x: Long, inexact: bool): bool {
  R.sign = x.sign;
  R.exp = x.exp;
  R.sig = x.hi;
  R.low = x.lo | (inexact ? 1 : 0);
  return true;
}

/** One unit of the 128th bit towards (or away from) zero: stands for a term too small to add. */
export function long_nudge(x: Long, away: bool): void {
  if (away) {
    x.lo++;
    if (x.lo == 0) x.hi++;
    return;
  }
  if (x.lo == 0) x.hi--;
  x.lo--;
  if (!(x.hi >> 63)) {
    x.hi = ~0;
    x.lo = ~0;
    x.exp--;
  }
}

export function long_multiply(to: Long, a: Long, b: Long): void {
  const sign = a.sign ^ b.sign;
  const exp = a.exp + b.exp + 1;
  multiply128(a.hi, b.lo);
  let carry = wide.high;
  multiply128(a.lo, b.hi);
  const middle = carry + wide.high;
  carry = middle < carry ? 1 : 0;
  multiply128(a.hi, b.hi);
  const lo = wide.low + middle;
  const hi = wide.high + carry + (lo < middle ? 1 : 0);
  to.sign = sign;
  if (!(hi | lo)) {
    long_set(to, -EXP_SPECIAL, 0, 0);
    return;
  }
  to.exp = exp - normalise128(hi, lo);
  to.hi = wide.high;
  to.lo = wide.low;
}

export function long_add(to: Long, a: Long, b: Long): void {
  if (!b.hi || !a.hi) {
    long_copy(to, a.hi ? a : b);
    return;
  }
  if (a.exp < b.exp || (a.exp == b.exp && (a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo)))) {
    const other = a;
    a = b;
    b = other;
  }
  let exp = a.exp;
  const sign = a.sign;
  const distance = a.exp - b.exp;
  shift_right_jam(b.hi, b.lo, distance < 128 ? distance : 128);
  let hi: u64;
  let lo: u64;
  if (a.sign == b.sign) {
    lo = a.lo + wide.low;
    const carry: u64 = lo < a.lo ? 1 : 0;
    hi = a.hi + wide.high;
    let out = hi < a.hi;
    hi += carry;
    if (carry && hi == 0) out = true;
    if (out) {
      lo = (lo >> 1) | (hi << 63);
      hi = (hi >> 1) | TOP;
      exp++;
    }
  } else {
    hi = a.hi - wide.high - (a.lo < wide.low ? 1 : 0);
    lo = a.lo - wide.low;
    if (!(hi | lo)) {
      long_set(to, -EXP_SPECIAL, 0, 0);
      return;
    }
    exp -= normalise128(hi, lo);
    hi = wide.high;
    lo = wide.low;
  }
  to.sign = sign;
  to.exp = exp;
  to.hi = hi;
  to.lo = lo;
}

/** a - b; b keeps its sign. */
export function long_subtract(to: Long, a: Long, b: Long): void {
  b.sign ^= 1;
  long_add(to, a, b);
  if (changetype<usize>(to) != changetype<usize>(b)) b.sign ^= 1;
}

/** a / n for a small n > 0. */
export function long_divide_small(to: Long, a: Long, n: u64): void {
  if (!a.hi) {
    long_copy(to, a);
    return;
  }
  const first = a.hi / n;
  const second = divide128(a.hi % n, a.lo, n);
  const third = divide128(wide.low, 0, n);
  const shift = <i32> clz<u64>(first); // n < 2^63, so first is not zero and shift below 64
  to.sign = a.sign;
  to.exp = a.exp - shift;
  to.hi = shift ? (first << shift) | (second >> (64 - shift)) : first;
  to.lo = shift ? (second << shift) | (third >> (64 - shift)) : second;
}

/** a / b, b not zero: one bit at a time. */
export function long_divide(to: Long, a: Long, b: Long): void {
  let rest_hi = a.hi;
  let rest = a.lo;
  let exp = a.exp - b.exp;
  let hi: u64 = 0;
  let lo: u64 = 0;
  let carry: u64 = 0;
  if (rest_hi < b.hi || (rest_hi == b.hi && rest < b.lo)) {
    exp--;
    carry = rest_hi >> 63;
    rest_hi = (rest_hi << 1) | (rest >> 63);
    rest <<= 1;
  }
  for (let i = 0; i < 128; i++) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
    if (carry || rest_hi > b.hi || (rest_hi == b.hi && rest >= b.lo)) {
      rest_hi -= b.hi + (rest < b.lo ? 1 : 0);
      rest -= b.lo;
      lo |= 1;
    }
    carry = rest_hi >> 63;
    rest_hi = (rest_hi << 1) | (rest >> 63);
    rest <<= 1;
  }
  to.sign = a.sign ^ b.sign;
  to.exp = exp;
  to.hi = hi;
  to.lo = lo;
}
