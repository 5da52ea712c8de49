/**
 * Arithmetic on constants, done when code is emitted: a translation binds immediates and counts to
 * constants, and much of a meaning falls away with them.
 */
import type { IntType, Operand, Value } from "./value.ts";

/** The value of a constant, as the unsigned number its type holds; null if it is none. */
export function constantOf(v: Operand, type: IntType = "i32"): bigint | null {
  if (typeof v === "number") return unsigned(BigInt(v), type);
  return "constant" in v ? unsigned(v.constant, v.type) : null;
}

const width = (type: IntType) => type === "i64" ? 64 : 32;
const unsigned = (n: bigint, type: IntType) => BigInt.asUintN(width(type), n);

/** Operations on two constants; shift counts are taken modulo the width, as WebAssembly does. */
const OPERATIONS: Record<string, (a: bigint, b: bigint, bits: number) => bigint | boolean> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, bits) => a << b % BigInt(bits),
  shr_u: (a, b, bits) => a >> b % BigInt(bits),
  shr_s: (a, b, bits) => BigInt.asIntN(bits, a) >> b % BigInt(bits),
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt_u: (a, b) => a < b,
  ge_u: (a, b) => a >= b,
  lt_s: (a, b, bits) => BigInt.asIntN(bits, a) < BigInt.asIntN(bits, b),
  le_s: (a, b, bits) => BigInt.asIntN(bits, a) <= BigInt.asIntN(bits, b),
};

/** Operations that leave the first operand as it is when the second is zero. */
const KEEP = new Set(["add", "sub", "or", "xor", "shl", "shr_u", "shr_s", "rotl", "rotr"]);

/**
 * @param name the operation, as WebAssembly calls it
 * @param type of the operands
 * @returns the result if it is a constant, the operand it equals, or null if it must be computed
 */
export function fold(name: string, type: IntType, a: Operand, b: Operand): bigint | Value | null {
  const [ka, kb] = [constantOf(a, type), constantOf(b, type)];
  if (ka !== null && kb !== null) {
    const r = OPERATIONS[name]?.(ka, kb, width(type));
    return r === undefined ? null : typeof r === "boolean" ? BigInt(r) : unsigned(r, type);
  }
  if (kb === 0n && KEEP.has(name) && typeof a !== "number") return a;
  if (kb === 0n && name === "and") return 0n;
  if (ka === 0n && typeof b !== "number" && ["add", "or", "xor"].includes(name)) return b;
  return null;
}
