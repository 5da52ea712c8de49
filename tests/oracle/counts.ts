/** How many cases of each form a test run tries; docs/instructions.md tells them. */
import type { Row } from "../../jit/isa/rows.ts";
import type { Mode } from "./state.ts";
import { allForms } from "./forms.ts";
import { runsIn } from "./generate.ts";
import { longForms } from "./long/forms.ts";
import { vectorForms } from "./vector_cases.ts";
import { x87Forms } from "./x87_cases.ts";

/** In 32-bit code with flat segments, in 16-bit code, and on a 16-bit stack. */
export const CASES_PER_FORM: Record<Mode, number> = { plain: 240, code16: 120, stack16: 80 };
/** Under TF; a 16-bit stack's upper half is what the kernel's way back makes of it, so not with one. */
export const STEPPED_CASES: Record<Mode, number> = { plain: 40, code16: 20, stack16: 0 };
export const VECTOR_CASES = 240;
export const CODE16_VECTORS = 40;
export const STEPPED_VECTORS = 24;
export const X87_CASES = 240;
/** In 64-bit code. */
export const LONG_CASES = 200;

/** What tells a row of the table from every other. */
function key(row: Row): string {
  const { map, opcode, plusReg, reg, rm, mod, prefix, name, operands } = row;
  return [map, opcode, plusReg, reg, rm, mod, prefix, name, operands].join(" ");
}

/** Cases of a test run for each row of the instruction table, in 64-bit code too, or why there are none. */
export function casesByRow(): (row: Row) => { cases: number; long: number; why: string } {
  const counts = new Map<string, number>();
  const longCounts = new Map<string, number>();
  const add = (row: Row, n: number, to = counts) => to.set(key(row), (to.get(key(row)) ?? 0) + n);
  const { forms, excluded } = allForms();
  for (const f of forms) {
    for (const [mode, n] of Object.entries(CASES_PER_FORM) as [Mode, number][]) {
      if (runsIn(f, mode)) add(f.row, n + STEPPED_CASES[mode]);
    }
  }
  for (const { row } of vectorForms()) add(row, VECTOR_CASES + CODE16_VECTORS + STEPPED_VECTORS);
  for (const { row } of x87Forms()) add(row, X87_CASES);
  const in64 = longForms();
  for (const { row } of in64.forms) add(row, LONG_CASES, longCounts);
  const reasons = [...excluded, ...in64.excluded].flatMap(([why, names]) =>
    names.map((name) => [name, why] as const)
  );
  return (row) => {
    // the sixteen conditions are rows of their own in the plan
    const rows = row.plusCondition
      ? Array.from({ length: 16 }, (_, c) => ({ ...row, opcode: row.opcode + c }))
      : [row];
    const sum = (of: Map<string, number>) => rows.reduce((n, r) => n + (of.get(key(r)) ?? 0), 0);
    const [cases, long] = [counts, longCounts].map(sum);
    const why = reasons.find(([name]) => name.split(" ").includes(row.name))?.[1] ?? "";
    return { cases, long, why: cases || long ? "" : why };
  };
}
