/**
 * The plan of handlers: which forms of which rows get a handler of their own, which share one, and
 * the numbers that the decoder finds them by.
 */
import {
  formIndex,
  FORMS,
  LONG_FORMS,
  LONG_OPERAND_SIZES,
  longSizes,
  OPERAND_SIZES,
  PLACE_CHECKED,
  PLACE_CHECKED_STACK,
  PLACE_REGISTER,
  rowPlaces,
  rowSize,
} from "./forms.ts";
import { isMemory, isVector, operandCode } from "./operands.ts";
import type { Row } from "./rows.ts";
import { PAIRS } from "./pairs.ts";
import { TABLE } from "./table.ts";

/** Handlers that belong to no row; their numbers are their places here. */
export const SPECIAL = ["undefined", "exit", "stale", "end", "toolong", "longend"] as const;

/** One handler to be generated. */
export interface Handler {
  key: string;
  row: Row;
  /** Operand size in bytes that the meaning is built at. */
  size: number;
  place: number;
  noFlags: boolean;
  /** Made for 64-bit code: addresses, stack pointer and RIP are 64 bits wide. */
  long: boolean;
}

/** A row as the decoder knows it, with its condition or segment bound. */
export interface PlannedRow {
  row: Row;
  /** Handler numbers by form; 0 = undefined opcode. */
  forms: number[];
  /** The same in 64-bit code; empty in a plan without it. */
  longForms: number[];
}

/** A handler that does two instructions in a row. */
export interface Pair {
  first: Handler;
  second: Handler;
  /** Numbers of the two handlers it stands for. */
  numbers: [number, number];
}

export interface Plan {
  handlers: Handler[];
  /** Numbered after the handlers. None of them is for 64-bit code. */
  pairs: Pair[];
  rows: PlannedRow[];
}

/** Two forms with the same key do the same thing with the same record fields. */
function keyOf(row: Row, size: number, place: number, noFlags: boolean): string {
  if (row.slow) return `slow ${row.slow}`;
  const memory = place !== PLACE_REGISTER && place !== PLACE_CHECKED_STACK;
  const operands = row.operands.map((o) => {
    const width = "bwdq".includes(o[1]) && o !== "1" ? o[1] : "";
    if ("GZA".includes(o[0]) && o !== "Ap") return `r${width}`;
    if (o[0] === "E") return `${memory ? "m" : "r"}${width}`;
    if (o[0] === "M" || o[0] === "O") return `m${width}`;
    if (o[0] === "I") return "i";
    if (o[0] === "J") return "j";
    return o;
  });
  return [row.name, row.arg, size * 8, operands.join(","), place, noFlags ? "nf" : ""].join(" ")
    .trimEnd();
}

/** Vector instructions are many: one handler does for all kinds of addresses, but for common ones. */
function handlerPlace(row: Row, place: number): number {
  const memory = place !== PLACE_REGISTER && place !== PLACE_CHECKED_STACK;
  const vector = row.operands.some((o) => isVector(o) && isMemory(o));
  return memory && vector && !row.common ? PLACE_CHECKED : place;
}

/**
 * True if a form does something else in 64-bit code than elsewhere, at the same operand size: it knows an
 * address, the stack pointer or RIP. All others share their handlers.
 */
function longDiffers(row: Row, place: number): boolean {
  if (row.slow) return false;
  return place !== PLACE_REGISTER || row.implicitMemory || /^(xlat|maskmov.*)$/.test(row.name) ||
    // these two leave the upper half of a register that they do not write
    row.name === "cmpxchg" || row.operands[0] === "Zv";
}

const cached: Partial<Record<"short" | "long", Plan>> = {};

/**
 * The plan for the whole table.
 *
 * @param long with 64-bit code: the same plan, and after its handlers and rows those for 64-bit code
 */
export function handlerPlan(long = false): Plan {
  return cached[long ? "long" : "short"] ??= makePlan(long);
}

function makePlan(long: boolean): Plan {
  const handlers: Handler[] = [];
  const numbers = new Map<string, number>();
  /** Fills a row's part of a form table. */
  const fill = (row: Row, sizes: readonly number[], table: readonly number[], long: boolean) => {
    const forms: number[] = new Array(long ? LONG_FORMS : FORMS).fill(0);
    for (const operandSize of sizes) {
      const size = rowSize(row, operandSize);
      for (const place of rowPlaces(row)) {
        for (const noFlags of row.noFlags ? [false, true] : [false]) {
          const built = handlerPlace(row, place);
          const own = long && longDiffers(row, built);
          const key = (own ? "long " : "") + keyOf(row, size, built, noFlags);
          let n = numbers.get(key);
          if (n === undefined) {
            n = SPECIAL.length + handlers.length;
            handlers.push({ key, row, size, place: built, noFlags, long: own });
            numbers.set(key, n);
          }
          forms[formIndex(table.indexOf(operandSize), place, noFlags)] = n;
        }
      }
    }
    return forms;
  };
  const all = TABLE.flatMap(expand);
  const rows: PlannedRow[] = all.filter((row) => row.mode !== "o64").map((row) => ({
    row,
    forms: fill(row, OPERAND_SIZES, OPERAND_SIZES, false),
    longForms: [],
  }));
  if (long) {
    for (const row of all) {
      if (row.mode === "o64") rows.push({ row, forms: new Array(FORMS).fill(0), longForms: [] });
    }
    for (const r of rows) r.longForms = fill(r.row, longSizes(r.row), LONG_OPERAND_SIZES, true);
  }
  const pairs = PAIRS.map(([a, b]) => {
    const [m, n] = [a, b].map((key) => {
      const number = numbers.get(key);
      if (number === undefined) throw new Error(`pairs.ts names no handler: ${key}`);
      return number;
    });
    const at = (k: number) => handlers[k - SPECIAL.length];
    return { first: at(m), second: at(n), numbers: [m, n] as [number, number] };
  });
  return { handlers, pairs, rows };
}

/** Rows that stand for sixteen conditions, spelled out. */
function expand(row: Row): Row[] {
  if (!row.plusCondition) return [row];
  return Array.from(
    { length: 16 },
    (_, c) => ({ ...row, opcode: row.opcode + c, arg: c, plusCondition: false }),
  );
}

/** Operand codes of a row, padded to three. */
export function operandCodes(row: Row): number[] {
  const codes = row.operands.map(operandCode);
  return [...codes, 0, 0, 0].slice(0, 3);
}
