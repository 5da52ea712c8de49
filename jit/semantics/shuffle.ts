/** Shuffles by an immediate, and by a vector. */
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import { interleave, packed } from "./packed.ts";
import type { Vector } from "./value.ts";
import { bytes, isMmx, ready, repeated, simd, vector } from "./vector.ts";

const BYTES = Array.from({ length: 16 }, (_, i) => i);

/** The fields of the immediate, `bits` wide, one in each lane, from the lowest on (4 lanes, then again). */
function fields(x: Context, lanes: string, lanesCount: number, bits: number): Vector {
  const size = 16 / lanesCount;
  const perRound = Math.min(lanesCount, 4);
  const top = bits * (perRound - 1);
  // field n comes to the same place in every lane by a multiplication
  const factors = Array.from({ length: lanesCount }, (_, n) => 1 << (top - bits * (n % perRound)));
  const constant = bytes(
    x,
    factors.flatMap((f) => Array.from({ length: size }, (_, i) => i < 2 ? f >> (8 * i) & 255 : 0)),
  );
  const imm = lanes === "i64x2" ? x.immediate("i64") : x.immediate("i32");
  const spread = simd(x, `${lanes}.mul`, simd(x, `${lanes}.splat`, imm), constant);
  const mask = BYTES.map((i) => i % size === 0 ? (1 << bits) - 1 : 0);
  return simd(x, "v128.and", simd(x, `${lanes}.shr_u`, spread, top), bytes(x, mask));
}

/** Byte numbers for a swizzle that moves units of `size` bytes, by the unit numbers in `units`. */
function byteNumbers(x: Context, lanes: string, units: Vector, size: number): Vector {
  // number * size in each byte of the unit
  const scaled = simd(x, `${lanes}.shl`, units, Math.log2(size));
  const first = bytes(x, BYTES.map((i) => i - i % size));
  const everywhere = simd(x, "i8x16.swizzle", scaled, first);
  return simd(x, "i8x16.add", everywhere, bytes(x, BYTES.map((i) => i % size)));
}

define("pshufd", (x) => {
  ready(x);
  const numbers = byteNumbers(x, "i32x4", fields(x, "i32x4", 4, 2), 4);
  vector(x, 0).write(simd(x, "i8x16.swizzle", vector(x, 1).read(), numbers));
  x.next();
});

const LOW_HALF = BYTES.map((i) => i < 8 ? 255 : 0);

// PSHUFW and PSHUFLW shuffle the low words, PSHUFHW the high ones; the others stay
for (const [name, high] of [["pshufw", false], ["pshuflw", false], ["pshufhw", true]] as const) {
  define(name, (x) => {
    ready(x);
    const v = vector(x, 1).read();
    const numbers = byteNumbers(x, "i16x8", fields(x, "i16x8", 8, 2), 2);
    const moved = high ? simd(x, "i8x16.add", numbers, repeated(x, 0x08, 1)) : numbers;
    const here = bytes(x, high ? LOW_HALF.map((m) => 255 - m) : LOW_HALF);
    const all = simd(x, "v128.bitselect", moved, bytes(x, BYTES), here);
    vector(x, 0).write(simd(x, "i8x16.swizzle", v, all));
    x.next();
  });
}

// SHUFPS, SHUFPD: the low half from the destination, the high half from the source
for (
  const [name, lanes, count, bits] of [["shufps", "i32x4", 4, 2], [
    "shufpd",
    "i64x2",
    2,
    1,
  ]] as const
) {
  define(name, (x) => {
    ready(x);
    const b = vector(x, 1).read();
    const dst = vector(x, 0);
    const numbers = byteNumbers(x, lanes, fields(x, lanes, count, bits), 16 / count);
    const low = simd(x, "i8x16.swizzle", dst.read(), numbers);
    const high = simd(x, "i8x16.swizzle", b, numbers);
    dst.write(simd(x, "v128.bitselect", low, high, bytes(x, LOW_HALF)));
    x.next();
  });
}

packed("pshufb", (x, a, b) => {
  const numbers = simd(x, "v128.and", b, repeated(x, isMmx(x) ? 0x87 : 0x8f, 1));
  return simd(x, "i8x16.swizzle", a, numbers);
});

packed("unpcklps", (x, a, b) => interleave(x, a, b, 4, 0));
packed("unpckhps", (x, a, b) => interleave(x, a, b, 4, 8));
packed("unpcklpd", (x, a, b) => interleave(x, a, b, 8, 0));
packed("unpckhpd", (x, a, b) => interleave(x, a, b, 8, 8));
for (const suffix of ["ps", "pd"]) {
  packed(`and${suffix}`, (x, a, b) => simd(x, "v128.and", a, b));
  packed(`andn${suffix}`, (x, a, b) => simd(x, "v128.andnot", b, a));
  packed(`or${suffix}`, (x, a, b) => simd(x, "v128.or", a, b));
  packed(`xor${suffix}`, (x, a, b) => simd(x, "v128.xor", a, b));
}
