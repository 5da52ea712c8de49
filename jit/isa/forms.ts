/**
 * Forms: the ways one row is specialised before it runs. Both the decoder's tables and the handlers
 * are laid out by these numbers, so they are said once, here.
 */
import { isMemory } from "./operands.ts";
import type { Row } from "./rows.ts";

/**
 * Where the ModRM operand is and which checks it needs:
 * 0 a register (or there is none); 1 memory at base + displacement; 2 memory at base + index * scale
 * + displacement; 3 memory by segment base and limit, or with a 16-bit address; 4 as 0, but the
 * instruction's implicit memory (stack, strings) needs segment checks.
 */
export const PLACES = 5;
export const PLACE_REGISTER = 0;
export const PLACE_BASE = 1;
export const PLACE_INDEXED = 2;
export const PLACE_CHECKED = 3;
export const PLACE_CHECKED_STACK = 4;

/** Operand sizes that handlers exist for in 32-bit code: index 0 is 16 bits, 1 is 32 bits. */
export const OPERAND_SIZES = [2, 4];

/** The same in 64-bit code, where forms have a table of their own. */
export const LONG_OPERAND_SIZES = [2, 4, 8];

/** Entries of the form table for each row, and of the one for 64-bit code. */
export const FORMS = OPERAND_SIZES.length * PLACES * 2;
export const LONG_FORMS = LONG_OPERAND_SIZES.length * PLACES * 2;

/** Index of a form in its row's part of the table. */
export function formIndex(sizeIndex: number, place: number, noFlags: boolean): number {
  return (sizeIndex * PLACES + place) * 2 + (noFlags ? 1 : 0);
}

/** True if the row's work depends on the operand size. */
export function isSized(row: Row): boolean {
  return row.implicitMemory ||
    row.operands.some((o) => /[vzs]$/.test(o) || o[0] === "J" || o === "Ap");
}

const WIDTH: Record<string, number> = { b: 1, w: 2, d: 4, q: 8, x: 16 };

/** Width in bytes of an operand at an operand size. */
export function operandWidth(operand: string, size: number): number {
  switch (operand[1]) {
    case "z":
      return Math.min(size, 4);
    case "y":
      return size === 8 ? 8 : 4;
    case "t":
      return size === 8 ? 16 : 8;
    default:
      return WIDTH[operand[1]] ?? size;
  }
}

/** The operand sizes a row can have in 64-bit code. */
export function longSizes(row: Row): number[] {
  if (row.mode === "i64") return [];
  return row.long === "f64" ? [8] : row.long === "d64" ? [2, 8] : LONG_OPERAND_SIZES;
}

/** The size a row's meaning is built at. */
export function rowSize(row: Row, operandSize: number): number {
  if (isSized(row)) return operandSize;
  if (row.operands.some((o) => /^[EGM][yt]$/.test(o))) return operandSize === 8 ? 8 : 4;
  return row.operands.length ? operandWidth(row.operands[0], 4) : 4;
}

/** The places a row's ModRM operand (or implicit memory) may take. */
export function rowPlaces(row: Row): number[] {
  const memory = row.operands.some(isMemory) || row.operands.some((o) => o[0] === "O");
  const onlyMemory = row.mod === "mem" || row.operands.some((o) => o[0] === "O");
  const places: number[] = [];
  if (!memory || !onlyMemory) {
    places.push(PLACE_REGISTER);
    if (row.implicitMemory) places.push(PLACE_CHECKED_STACK);
  }
  if (memory && row.mod !== "reg") places.push(PLACE_BASE, PLACE_INDEXED, PLACE_CHECKED);
  return places;
}
