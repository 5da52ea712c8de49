/** The forms under test: each row of the instruction table, by operand size and place. */
import { isSized } from "../../jit/isa/forms.ts";
import { isMemory } from "../../jit/isa/operands.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";
import type { Row } from "../../jit/isa/rows.ts";
import { exclusion } from "./excluded.ts";

export interface Form {
  name: string;
  row: Row;
  /** Operand size in bytes, 2 or 4. */
  size: number;
  /** The ModRM or absolute operand lies in memory. */
  memory: boolean;
}

const MAPS = ["", "0f", "0f38", "0f3a"];

function opcodeText(row: Row): string {
  return MAPS[row.map] + row.opcode.toString(16).padStart(2, "0") + (row.plusReg ? "+r" : "") +
    (row.reg >= 0 ? `/${row.reg}` : "") + (row.rm >= 0 ? `:${row.rm}` : "");
}

function places(row: Row): boolean[] {
  if (row.operands.some((o) => o[0] === "O")) return [true];
  const modrm = row.operands.some(isMemory);
  if (!modrm) return [false];
  return row.mod === "mem" ? [true] : row.mod === "reg" ? [false] : [false, true];
}

/** Forms that run in both worlds, and what is left out, by reason. */
export function allForms(): { forms: Form[]; excluded: Map<string, string[]> } {
  const forms: Form[] = [];
  const excluded = new Map<string, string[]>();
  for (const { row } of handlerPlan().rows) {
    const sizes = isSized(row) || row.slow !== "" ? [2, 4] : [4];
    for (const size of sizes) {
      for (const memory of places(row)) {
        const where = row.operands.some(isMemory) ? (memory ? " mem" : " reg") : "";
        const width = sizes.length > 1 ? ` ${size * 8}` : "";
        const name = `${opcodeText(row)} ${row.name} ${row.operands.join()}${width}${where}`;
        const form = { name, row, size, memory };
        const reason = exclusion(form);
        if (reason) excluded.set(reason, [...(excluded.get(reason) ?? []), name]);
        else forms.push(form);
      }
    }
  }
  return { forms, excluded };
}
