// 128-bit arithmetic by pairs of u64. Results that do not fit one word leave the other in `wide`.

@unmanaged
export class Wide {
  high: u64;
  low: u64;
}

/** Where the functions below leave 128-bit results (and a division its remainder, in `low`). */
export const wide: Wide = changetype<Wide>(memory.data(16, 8));

/** a * b into wide. */
export function multiply128(a: u64, b: u64): void {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const p00 = a0 * b0;
  const p01 = a0 * b1;
  const p10 = a1 * b0;
  const middle = (p00 >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);
  wide.high = a1 * b1 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
  wide.low = (p00 & 0xffffffff) | (middle << 32);
}

/** Quotient of high:low by divisor, for high < divisor; the remainder goes to wide.low. */
export function divide128(high: u64, low: u64, divisor: u64): u64 {
  const shift = clz<u64>(divisor);
  const d = divisor << shift;
  if (shift) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  const q1 = digit(high, low >> 32, d);
  const rest = ((high << 32) | (low >> 32)) - q1 * d;
  const q0 = digit(rest, low & 0xffffffff, d);
  wide.low = (((rest << 32) | (low & 0xffffffff)) - q0 * d) >> shift;
  return (q1 << 32) + q0;
}

/** One 32-bit digit of a quotient: high:next (96 bits) by a divisor whose top bit is set. */
function digit(high: u64, next: u64, d: u64): u64 {
  const d1 = d >> 32;
  const d0 = d & 0xffffffff;
  let q = high / d1;
  let r = high - q * d1;
  while (q >> 32 || q * d0 > ((r << 32) | next)) {
    q--;
    r += d1;
    if (r >> 32) break;
  }
  return q;
}

/** high:low shifted right by n >= 0 into wide; bits that fall off leave the lowest bit set. */
export function shift_right_jam(high: u64, low: u64, n: i32): void {
  if (n == 0) {
    wide.high = high;
    wide.low = low;
  } else if (n < 64) {
    wide.high = high >> n;
    wide.low = (high << (64 - n)) | (low >> n) | (low << (64 - n) ? 1 : 0);
  } else if (n < 128) {
    const lost = n == 64 ? low : low | (high << (128 - n));
    wide.high = 0;
    wide.low = (n == 64 ? high : high >> (n - 64)) | (lost ? 1 : 0);
  } else {
    wide.high = 0;
    wide.low = high | low ? 1 : 0;
  }
}

/** high:low (not zero) shifted left into wide until its top bit is set; gives the distance. */
export function normalise128(high: u64, low: u64): i32 {
  if (high == 0) {
    const n = <i32> clz<u64>(low);
    wide.high = low << n;
    wide.low = 0;
    return n + 64;
  }
  const n = <i32> clz<u64>(high);
  wide.high = n ? (high << n) | (low >> (64 - n)) : high;
  wide.low = low << n;
  return n;
}

/** Square root of high:low, for high >= 2^62: all 64 bits of it; wide gets the remainder (65 bits). */
export function root128(high: u64, low: u64): u64 {
  let root: u64 = 0;
  let rest_high: u64 = 0;
  let rest: u64 = 0;
  for (let i = 0; i < 64; i++) {
    rest_high = (rest_high << 2) | (rest >> 62);
    rest = (rest << 2) | (high >> 62);
    high = (high << 2) | (low >> 62);
    low <<= 2;
    // try the next bit: subtract 4 * root + 1
    const t_high = root >> 62;
    const t = (root << 2) | 1;
    root <<= 1;
    if (rest_high > t_high || (rest_high == t_high && rest >= t)) {
      rest_high -= t_high + (rest < t ? 1 : 0);
      rest -= t;
      root |= 1;
    }
  }
  wide.high = rest_high;
  wide.low = rest;
  return root;
}
