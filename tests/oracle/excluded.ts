/** What a process on the host cannot be asked, or answers otherwise than our processor must. */
import { TRANSCENDENTAL } from "./approximations.ts";
import { isVector } from "../../jit/isa/operands.ts";
import type { Row } from "../../jit/isa/rows.ts";
import type { Form } from "./forms.ts";

const BY_NAME: Record<string, string> = {
  sysret: "AMD and Intel differ outside 64-bit mode",
  sysexit: "AMD and Intel differ outside 64-bit mode",
};

/** True of MMX and SSE instructions. */
export function isVectorForm(row: Row): boolean {
  return row.name === "emms" || row.operands.some(isVector);
}

/** Why a form is not run in both worlds; null if it is. */
export function exclusion({ row, memory }: Form): string | null {
  if (row.name in BY_NAME) return BY_NAME[row.name];
  if (row.map === 1 && row.opcode === 0x0d && !memory) return "#UD on AMD, a NOP on Intel";
  if (isVectorForm(row)) return "vector instructions have cases of their own (vector_*.ts)";
  if (TRANSCENDENTAL.test(row.name)) {
    return "transcendental functions are a processor's own: x87 tests bound their error";
  }
  return null;
}
