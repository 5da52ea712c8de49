// RCPPS and RSQRTPS: twelve bits of 1/x and 1/sqrt(x).
//
// The manual bounds the relative error by 1.5 * 2^-12 and leaves the rest to each processor. Here the
// upper twelve bits of the significand choose an interval, and its middle is inverted and rounded to
// twelve bits. No exception is raised and MXCSR is not looked at: denormals count as zero.
const SIGN: u32 = 0x80000000;
const INFINITY: u32 = 0x7f800000;
const QUIET: u32 = 0x00400000;
const DEFAULT_NAN: u32 = 0xffc00000;

/** dst = estimate of each of `count` elements of src. @param root 1 for RSQRT */
export function cpu_sse_estimate(root: u32, count: u32, dst: usize, src: usize): void {
  for (let i: usize = 0; i < count; i++) {
    const v = load<u32>(src + (i << 2));
    store<u32>(dst + (i << 2), root ? inverse_root(v) : inverse(v));
  }
}

/** The middle of the interval that a normal number lies in, as a double. */
function middle(v: u32): f64 {
  return <f64> reinterpret<f32>((v & 0xfffff800) | 0x400);
}

/** A double cut to twelve significant bits, to nearest; zero if it is too small for a normal single. */
function rounded(v: f64): u32 {
  const bits = reinterpret<u64>(v);
  if ((bits & 0x7fffffffffffffff) < 0x3810000000000000) return <u32> (bits >> 32) & SIGN;
  return reinterpret<u32>(<f32> reinterpret<f64>(((bits + ((<u64> 1) << 40)) >> 41) << 41));
}

function inverse(v: u32): u32 {
  const m = v & ~SIGN;
  if (m > INFINITY) return v | QUIET;
  if (m == INFINITY) return v & SIGN;
  if (m < 0x00800000) return (v & SIGN) | INFINITY;
  return rounded(1 / middle(v));
}

function inverse_root(v: u32): u32 {
  const m = v & ~SIGN;
  if (m > INFINITY) return v | QUIET;
  if (m < 0x00800000) return (v & SIGN) | INFINITY;
  if (v & SIGN) return DEFAULT_NAN;
  if (m == INFINITY) return 0;
  return rounded(1 / sqrt<f64>(middle(v)));
}
