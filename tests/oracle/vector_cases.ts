/** Cases for MMX and SSE. Memory operands lie at the edge, before a page that is missing. */
import { operandWidth } from "../../jit/isa/forms.ts";
import { isMemory } from "../../jit/isa/operands.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";
import type { Row } from "../../jit/isa/rows.ts";
import type { Random } from "../random.ts";
import { bytesOf, State } from "./builder.ts";
import type { Case } from "./case.ts";
import { isVectorForm } from "./excluded.ts";
import { makeCase } from "./generate.ts";
import { EDGE, EDGE_SIZE, FLAT, FLAT_CS, READONLY, SCRATCH_SIZE, UNMAPPED } from "./layout.ts";
import { fillVector, randomState } from "./vector_values.ts";

export interface VectorForm {
  name: string;
  row: Row;
  memory: boolean;
}

const MAPS = ["", "0f", "0f38", "0f3a"];
const MAP_BYTES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const EBX = 3, ECX = 1, EDI = 7;

/** Every vector instruction, with a register and with memory. */
export function vectorForms(): VectorForm[] {
  return handlerPlan().rows.filter(({ row }) => isVectorForm(row)).flatMap(({ row }) => {
    const modrm = row.operands.some(isMemory);
    const places = !modrm ? [false] : row.mod === "any" ? [false, true] : [row.mod === "mem"];
    return places.map((memory) => {
      const opcode = MAPS[row.map] + row.opcode.toString(16).padStart(2, "0");
      const where = modrm ? memory ? " mem" : " reg" : "";
      const name = `${row.prefix} ${opcode} ${row.name} ${row.operands.join()}${where}`;
      return { name, row, memory };
    });
  });
}

/** The address of a memory operand of `width` bytes: mostly one that may be used. */
function pickTarget(r: Random, width: number): number {
  const n = r.below(32);
  if (n < 22) return EDGE + 16 * r.below(EDGE_SIZE / 16) + (width < 16 ? r.below(17 - width) : 0);
  if (n < 28) return EDGE + r.below(EDGE_SIZE - width);
  if (n < 29) return EDGE + EDGE_SIZE - r.below(width);
  if (n < 30) return UNMAPPED + 16 * r.below(4);
  return READONLY + 16 * r.below(8);
}

/** One case of a form. */
export function vectorCase(r: Random, { name, row, memory }: VectorForm): Case {
  const state = new State(r);
  // flat segments: what other segments do is the scalar cases' matter
  state.segments.splice(0, 4, FLAT, FLAT_CS, FLAT, FLAT);
  randomState(r, new DataView(state.fx.buffer, state.fx.byteOffset));
  fillVector(
    r,
    new DataView(state.memory.buffer, state.memory.byteOffset),
    SCRATCH_SIZE,
    EDGE_SIZE,
  );
  const prefixes: number[] = [];
  if (row.prefix !== "np" && row.prefix !== "") prefixes.push(parseInt(row.prefix, 16));
  const reg = row.reg >= 0 ? row.reg : r.below(8);
  const modrm: number[] = [];
  if (memory) {
    const operand = row.operands.find(isMemory)!;
    const target = pickTarget(r, operandWidth(operand, 4));
    const direct = r.oneIn(3);
    if (direct) modrm.push(reg << 3 | 5, ...bytesOf(target, 4));
    else if (r.oneIn(2)) {
      const displacement = r.below(256) - 128;
      state.registers[EBX] = target - displacement;
      modrm.push(0x40 | reg << 3 | EBX, displacement & 255);
    } else {
      const scale = r.below(4);
      state.registers[EBX] = target - (state.registers[ECX] << scale);
      modrm.push(reg << 3 | 4, scale << 6 | ECX << 3 | EBX);
    }
  } else if (row.operands.length) modrm.push(0xc0 | reg << 3 | r.below(8));
  if (row.name.startsWith("maskmov")) state.registers[EDI] = pickTarget(r, 16);
  const immediate = row.operands.at(-1) === "Ib" ? [immediateOf(r)] : [];
  const instruction = [...prefixes, ...MAP_BYTES[row.map], row.opcode, ...modrm, ...immediate];
  return makeCase(name, instruction, state, 0);
}

function immediateOf(r: Random): number {
  return r.oneIn(2) ? r.below(70) : r.below(256);
}
