/** Values of the meaning language: what a definition computes with. */

/** The integer types a value may have. */
export type IntType = "i32" | "i64";

/**
 * A value: a local of the function being built, or a constant. Values can be used any number of
 * times (a Binaryen expression cannot), which is why definitions never see expressions.
 */
export type Value =
  | { readonly type: IntType; readonly local: number }
  | { readonly type: IntType; readonly constant: bigint };

/** A 128-bit vector: a local of the function being built. */
export interface Vector {
  readonly vector: number;
}

/** A value, or a number that takes the type of what it meets. */
export type Operand = Value | number;

/** Binaryen's numbers for types, said here so that the translator need not load it to know them. */
export const WASM_TYPES = { none: 0, i32: 2, i64: 3, v128: 6 } as const;

/** Binaryen's number for a type. */
export function binaryenType(type: IntType): number {
  return WASM_TYPES[type];
}
