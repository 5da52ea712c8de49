/** Values of the meaning language: what a definition computes with. */
import binaryen from "binaryen";

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

/** Binaryen's number for a type. */
export function binaryenType(type: IntType): number {
  return type === "i32" ? binaryen.i32 : binaryen.i64;
}
