/**
 * The bytes of WebAssembly's operations, under the names that binaryen.js gives them; as far as the
 * meanings of instructions use them. tests/wasm compares each with what Binaryen writes.
 */

/** Operations on numbers that have nothing but operands: by type, in the order of their opcodes. */
function numeric(first: number, names: string): [string, number][] {
  return names.split(" ").map((name, i) => [name, first + i]);
}

const COMPARISONS = "eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const ARITHMETIC =
  "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";

/** Opcodes by type and name. */
export const NUMERIC: Record<"i32" | "i64", Record<string, number>> = {
  i32: Object.fromEntries([
    ...numeric(0x45, COMPARISONS),
    ...numeric(0x67, ARITHMETIC),
    ["wrap", 0xa7],
    ["extend8_s", 0xc0],
    ["extend16_s", 0xc1],
  ]),
  i64: Object.fromEntries([
    ...numeric(0x50, COMPARISONS),
    ...numeric(0x79, ARITHMETIC),
    ["extend_s", 0xac],
    ["extend_u", 0xad],
    ["extend8_s", 0xc2],
    ["extend16_s", 0xc3],
    ["extend32_s", 0xc4],
  ]),
};

/** Loads and stores by type and name. */
export const MEMORY: Record<"i32" | "i64", Record<string, number>> = {
  i32: {
    load: 0x28,
    load8_s: 0x2c,
    load8_u: 0x2d,
    load16_s: 0x2e,
    load16_u: 0x2f,
    store: 0x36,
    store8: 0x3a,
    store16: 0x3b,
  },
  i64: {
    load: 0x29,
    load8_s: 0x30,
    load8_u: 0x31,
    load16_s: 0x32,
    load16_u: 0x33,
    load32_s: 0x34,
    load32_u: 0x35,
    store: 0x37,
    store8: 0x3c,
    store16: 0x3d,
    store32: 0x3e,
  },
};

const INTEGER_COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const FLOAT_COMPARISONS = "eq ne lt gt le ge";

/** Vector operations (after the byte FD) that have nothing but operands. */
export const VECTOR: Record<string, Record<string, number>> = {
  v128: Object.fromEntries(numeric(0x4d, "not and andnot or xor bitselect any_true")),
  i8x16: Object.fromEntries([
    ["swizzle", 0x0e],
    ["splat", 0x0f],
    ...numeric(0x23, INTEGER_COMPARISONS),
    ...numeric(0x60, "abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u"),
    ...numeric(0x6b, "shl shr_s shr_u add add_saturate_s add_saturate_u"),
    ...numeric(0x71, "sub sub_saturate_s sub_saturate_u"),
    ...numeric(0x76, "min_s min_u max_s max_u"),
    ["avgr_u", 0x7b],
  ]),
  i16x8: Object.fromEntries([
    ["splat", 0x10],
    ...numeric(0x2d, INTEGER_COMPARISONS),
    ...numeric(0x7c, "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u"),
    ...numeric(0x80, "abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s narrow_i32x4_u"),
    ...numeric(0x8b, "shl shr_s shr_u add add_saturate_s add_saturate_u"),
    ...numeric(0x91, "sub sub_saturate_s sub_saturate_u"),
    ["mul", 0x95],
    ...numeric(0x96, "min_s min_u max_s max_u"),
    ["avgr_u", 0x9b],
  ]),
  i32x4: Object.fromEntries([
    ["splat", 0x11],
    ...numeric(0x37, INTEGER_COMPARISONS),
    ...numeric(0x7e, "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u"),
    ["abs", 0xa0],
    ["neg", 0xa1],
    ["all_true", 0xa3],
    ["bitmask", 0xa4],
    ...numeric(0xab, "shl shr_s shr_u add"),
    ["sub", 0xb1],
    ["mul", 0xb5],
    ...numeric(0xb6, "min_s min_u max_s max_u dot_i16x8_s"),
    ...numeric(0xbc, "extmul_low_i16x8_s extmul_high_i16x8_s"),
    ...numeric(0xbe, "extmul_low_i16x8_u extmul_high_i16x8_u"),
  ]),
  i64x2: Object.fromEntries([
    ["splat", 0x12],
    ["abs", 0xc0],
    ["neg", 0xc1],
    ["all_true", 0xc3],
    ["bitmask", 0xc4],
    ...numeric(0xcb, "shl shr_s shr_u add"),
    ["sub", 0xd1],
    ["mul", 0xd5],
    ...numeric(0xd6, "eq ne lt_s gt_s le_s ge_s"),
  ]),
  f32x4: Object.fromEntries([
    ...numeric(0x41, FLOAT_COMPARISONS),
    ["abs", 0xe0],
    ["neg", 0xe1],
    ["sqrt", 0xe3],
    ...numeric(0xe4, "add sub mul div min max pmin pmax"),
  ]),
  f64x2: Object.fromEntries([
    ...numeric(0x47, FLOAT_COMPARISONS),
    ["abs", 0xec],
    ["neg", 0xed],
    ["sqrt", 0xef],
    ...numeric(0xf0, "add sub mul div min max pmin pmax"),
  ]),
};

/** Loads and stores of vectors (after FD); those of a lane have its number behind. */
export const VECTOR_MEMORY = { load: 0x00, load32_zero: 0x5c, load64_zero: 0x5d, store: 0x0b };
export const VECTOR_LANE_MEMORY = { store32_lane: 0x5a, store64_lane: 0x5b };
/** A lane from or into a vector (after FD), its number behind. */
export const LANES: Record<string, Record<string, number>> = {
  i32x4: { extract_lane: 0x1b, replace_lane: 0x1c },
  i64x2: { extract_lane: 0x1d, replace_lane: 0x1e },
};
export const VECTOR_CONST = 0x0c;
export const SHUFFLE = 0x0d;
