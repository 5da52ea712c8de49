/** Packed integers: MMX and SSE share each meaning, an MMX register being the low half of a vector. */
import { C_VECTOR, CPU, R_DI } from "../../core/wasm/layout.ts";
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import type { Value, Vector } from "./value.ts";
import {
  bytes,
  enterMmx,
  fromLanes,
  isMmx,
  lane,
  ready,
  repeated,
  selectVector,
  shuffle,
  simd,
  vector,
  vectorAddress,
} from "./vector.ts";

const SCRATCH = CPU + C_VECTOR;

type Compute = (x: Context, a: Vector, b: Vector) => Vector;

/** dst = f(dst, src). */
export function packed(name: string, compute: Compute): void {
  define(name, (x) => {
    ready(x);
    const b = vector(x, 1).read();
    const dst = vector(x, 0);
    dst.write(compute(x, dst.read(), b));
    x.next();
  });
}

/** Instructions that are one WebAssembly operation. */
const DIRECT: Record<string, string> = {
  paddb: "i8x16.add",
  paddw: "i16x8.add",
  paddd: "i32x4.add",
  paddq: "i64x2.add",
  paddsb: "i8x16.add_saturate_s",
  paddsw: "i16x8.add_saturate_s",
  paddusb: "i8x16.add_saturate_u",
  paddusw: "i16x8.add_saturate_u",
  psubb: "i8x16.sub",
  psubw: "i16x8.sub",
  psubd: "i32x4.sub",
  psubq: "i64x2.sub",
  psubsb: "i8x16.sub_saturate_s",
  psubsw: "i16x8.sub_saturate_s",
  psubusb: "i8x16.sub_saturate_u",
  psubusw: "i16x8.sub_saturate_u",
  pmullw: "i16x8.mul",
  pmaddwd: "i32x4.dot_i16x8_s",
  pavgb: "i8x16.avgr_u",
  pavgw: "i16x8.avgr_u",
  pminub: "i8x16.min_u",
  pminsw: "i16x8.min_s",
  pmaxub: "i8x16.max_u",
  pmaxsw: "i16x8.max_s",
  pcmpeqb: "i8x16.eq",
  pcmpeqw: "i16x8.eq",
  pcmpeqd: "i32x4.eq",
  pcmpgtb: "i8x16.gt_s",
  pcmpgtw: "i16x8.gt_s",
  pcmpgtd: "i32x4.gt_s",
  pand: "v128.and",
  por: "v128.or",
  pxor: "v128.xor",
};
for (const [name, operation] of Object.entries(DIRECT)) {
  packed(name, (x, a, b) => simd(x, operation, a, b));
}
packed("pandn", (x, a, b) => simd(x, "v128.andnot", b, a));

// ---- products and sums ---------------------------------------------------------------------------

/** The odd words of two vectors of doublewords. */
const ODD_WORDS = [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31];
const EVEN_WORDS = ODD_WORDS.map((n) => n - 2);

for (const [name, s] of [["pmulhw", "s"], ["pmulhuw", "u"]]) {
  packed(name, (x, a, b) => {
    const low = simd(x, `i32x4.extmul_low_i16x8_${s}`, a, b);
    const high = simd(x, `i32x4.extmul_high_i16x8_${s}`, a, b);
    return shuffle(x, low, high, ODD_WORDS);
  });
}
packed("pmuludq", (x, a, b) => {
  const even = bytes(x, [0, 0].flatMap(() => [255, 255, 255, 255, 0, 0, 0, 0]));
  return simd(x, "i64x2.mul", simd(x, "v128.and", a, even), simd(x, "v128.and", b, even));
});
packed("psadbw", (x, a, b) => {
  const apart = simd(
    x,
    "v128.or",
    simd(x, "i8x16.sub_saturate_u", a, b),
    simd(x, "i8x16.sub_saturate_u", b, a),
  );
  const words = simd(x, "i16x8.extadd_pairwise_i8x16_u", apart);
  const doublewords = simd(x, "i32x4.extadd_pairwise_i16x8_u", words);
  const sum = simd(x, "i64x2.add", doublewords, simd(x, "i64x2.shr_u", doublewords, 32));
  return simd(x, "v128.and", sum, bytes(x, [0, 0].flatMap(() => [255, 255, 0, 0, 0, 0, 0, 0])));
});
packed("pmulhrsw", (x, a, b) => {
  // WebAssembly saturates the one product that does not fit; the processor lets it wrap
  const lowest = repeated(x, 0x8000, 2);
  const both = simd(
    x,
    "v128.and",
    simd(x, "i16x8.eq", a, lowest),
    simd(x, "i16x8.eq", b, lowest),
  );
  return simd(x, "v128.xor", simd(x, "i16x8.q15mulr_sat_s", a, b), both);
});
packed("pmaddubsw", (x, a, b) => {
  const even = simd(
    x,
    "i16x8.mul",
    simd(x, "v128.and", a, repeated(x, 0xff, 2)),
    simd(x, "i16x8.shr_s", simd(x, "i16x8.shl", b, 8), 8),
  );
  const odd = simd(x, "i16x8.mul", simd(x, "i16x8.shr_u", a, 8), simd(x, "i16x8.shr_s", b, 8));
  return simd(x, "i16x8.add_saturate_s", even, odd);
});

/** Both operands in one vector: as they are for XMM, side by side for MMX. */
function joined(x: Context, a: Vector, b: Vector): [Vector, Vector] {
  if (!isMmx(x)) return [a, b];
  const both = shuffle(x, a, b, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  return [both, both];
}

const EVEN_DOUBLEWORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD_DOUBLEWORDS = EVEN_DOUBLEWORDS.map((n) => n + 4);
for (
  const [name, operation, even, odd] of [
    ["phaddw", "i16x8.add", EVEN_WORDS, ODD_WORDS],
    ["phaddd", "i32x4.add", EVEN_DOUBLEWORDS, ODD_DOUBLEWORDS],
    ["phaddsw", "i16x8.add_saturate_s", EVEN_WORDS, ODD_WORDS],
    ["phsubw", "i16x8.sub", EVEN_WORDS, ODD_WORDS],
    ["phsubd", "i32x4.sub", EVEN_DOUBLEWORDS, ODD_DOUBLEWORDS],
    ["phsubsw", "i16x8.sub_saturate_s", EVEN_WORDS, ODD_WORDS],
  ] as const
) {
  packed(name, (x, a, b) => {
    const [c, d] = joined(x, a, b);
    return simd(x, operation, shuffle(x, c, d, even), shuffle(x, c, d, odd));
  });
}

for (
  const [name, lanes, bits] of [["b", "i8x16", 8], ["w", "i16x8", 16], ["d", "i32x4", 32]] as const
) {
  packed(`pabs${name}`, (x, _a, b) => simd(x, `${lanes}.abs`, b));
  packed(`psign${name}`, (x, a, b) => {
    const sign = simd(x, `${lanes}.shr_s`, b, bits - 1);
    const negated = simd(x, `${lanes}.sub`, simd(x, "v128.xor", a, sign), sign);
    const zero = simd(x, `${lanes}.eq`, b, bytes(x, new Array(16).fill(0)));
    return simd(x, "v128.andnot", negated, zero);
  });
}

// ---- packing -------------------------------------------------------------------------------------
for (
  const [name, operation] of [
    ["packsswb", "i8x16.narrow_i16x8_s"],
    ["packssdw", "i16x8.narrow_i32x4_s"],
    ["packuswb", "i8x16.narrow_i16x8_u"],
  ]
) {
  packed(name, (x, a, b) => simd(x, operation, ...joined(x, a, b)));
}

/** Units of `size` bytes from a and b in turn, from byte `from` of each on. */
export function interleave(x: Context, a: Vector, b: Vector, size: number, from: number): Vector {
  const mask = Array.from({ length: 16 }, (_, i) => {
    const unit = Math.floor(i / size);
    return (from + (unit >> 1) * size + i % size) % 16 + (unit & 1) * 16;
  });
  return shuffle(x, a, b, mask);
}
for (const [name, size] of [["bw", 1], ["wd", 2], ["dq", 4], ["qdq", 8]] as const) {
  packed(`punpckl${name}`, (x, a, b) => interleave(x, a, b, size, 0));
  packed(`punpckh${name}`, (x, a, b) => interleave(x, a, b, size, isMmx(x) ? 4 : 8));
}

// ---- shifts --------------------------------------------------------------------------------------

/** The count of a shift: a vector's low 64 bits, or the immediate. */
function shiftCount(x: Context): Value {
  if (x.row.operands[1][0] === "I") return x.immediate("i32");
  const count = lane(x, vector(x, 1).read(), "i64");
  // beyond 255 all counts do the same
  return x.convert(x.select(x.ltU(count, 255), count, x.constant(255, "i64")), "i32");
}
for (
  const [letter, lanes, bits] of [["w", "i16x8", 16], ["d", "i32x4", 32], [
    "q",
    "i64x2",
    64,
  ]] as const
) {
  for (const [name, operation] of [["psll", "shl"], ["psrl", "shr_u"], ["psra", "shr_s"]]) {
    if (letter === "q" && name === "psra") continue;
    define(name + letter, (x) => {
      ready(x);
      const count = shiftCount(x);
      const dst = vector(x, 0);
      const a = dst.read();
      const fits = x.ltU(count, bits);
      if (name === "psra") {
        dst.write(simd(x, `${lanes}.shr_s`, a, x.select(fits, count, bits - 1)));
      } else {
        const shifted = simd(x, `${lanes}.${operation}`, a, count);
        dst.write(selectVector(x, fits, shifted, bytes(x, new Array(16).fill(0))));
      }
      x.next();
    });
  }
}

const FIRST_BYTES = Array.from({ length: 16 }, (_, i) => i);

/** Byte i of the result is byte i + n of v; 0 beyond its ends. n is at most 127 - 15, at least -16. */
function slide(x: Context, v: Vector, n: Value): Vector {
  const by = simd(x, "i8x16.splat", n);
  return simd(x, "i8x16.swizzle", v, simd(x, "i8x16.add", bytes(x, FIRST_BYTES), by));
}
function atMost(x: Context, v: Value, most: number): Value {
  return x.select(x.ltU(v, most), v, most);
}
for (const name of ["pslldq", "psrldq"]) {
  define(name, (x) => {
    ready(x);
    const n = atMost(x, x.immediate("i32"), 16);
    const dst = vector(x, 0);
    dst.write(slide(x, dst.read(), name === "psrldq" ? n : x.sub(0, n)));
    x.next();
  });
}
define("palignr", (x) => {
  ready(x);
  const b = vector(x, 1).read();
  const dst = vector(x, 0);
  const a = dst.read();
  const n = atMost(x, x.immediate("i32"), 32);
  if (isMmx(x)) dst.write(slide(x, joined(x, b, a)[0], n));
  else dst.write(simd(x, "v128.or", slide(x, b, n), slide(x, a, x.sub(n, 16))));
  x.next();
});

// ---- between vectors and general registers ----------------------------------------------------------
define("pmovmskb", (x) => {
  ready(x);
  const bits = fromLanes(x, "i8x16.bitmask", vector(x, 1).read());
  enterMmx(x);
  x.operand(0).write(isMmx(x) ? x.and(bits, 0xff) : bits);
  x.next();
});
define("pinsrw", (x) => {
  ready(x);
  const value = x.convert(x.operand(1).read(), "i32");
  const dst = vector(x, 0);
  const a = dst.read();
  const n = x.and(x.immediate("i32"), isMmx(x) ? 3 : 7);
  const numbers = bytes(x, FIRST_BYTES.map((i) => i & 1 ? 0 : i >> 1));
  const here = simd(x, "i16x8.eq", numbers, simd(x, "i16x8.splat", n));
  dst.write(simd(x, "v128.bitselect", simd(x, "i16x8.splat", value), a, here));
  x.next();
});
define("pextrw", (x) => {
  ready(x);
  const n = x.and(x.immediate("i32"), isMmx(x) ? 3 : 7);
  const v = slide(x, vector(x, 1).read(), x.shl(n, 1));
  const word = x.and(lane(x, v, "i32"), 0xffff);
  enterMmx(x);
  x.operand(0).write(word);
  x.next();
});

// MASKMOVQ MASKMOVDQU: bytes chosen by a mask to DS:EDI
for (const [name, size] of [["maskmovq", 8], ["maskmovdqu", 16]] as const) {
  define(name, (x) => {
    ready(x);
    const data = vectorAddress(x, 0, SCRATCH);
    const mask = vectorAddress(x, 1, SCRATCH + 16);
    const di = x.register(R_DI, x.addressBytes).read();
    enterMmx(x); // processors do so even if the store faults
    const helper = x.long ? "cpu_long_mask_move" : "cpu_mask_move";
    x.check(x.call(helper, x.record(), di, data, mask, size));
    x.next();
  });
}

define("emms", (x) => {
  x.check(x.call("cpu_mmx_ready"));
  x.invoke("cpu_mmx_leave");
  x.next();
});
