/** Cases for MMX and SSE. Memory operands lie at the edge, before a page that is missing. */
import { operandWidth } from "../../jit/isa/forms.ts";
import { isMemory } from "../../jit/isa/operands.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";
import type { Row } from "../../jit/isa/rows.ts";
import type { Random } from "../random.ts";
import { bytesOf } from "./builder.ts";
import { type Mode, State } from "./state.ts";
import type { Case } from "./case.ts";
import { isVectorForm } from "./excluded.ts";
import { LONGEST, makeCase } from "./generate.ts";
import {
  BASED,
  EDGE,
  EDGE_SIZE,
  FLAT,
  FLAT_CS,
  LIMITED,
  READONLY,
  SCRATCH,
  SCRATCH_SIZE,
  UNMAPPED,
} from "./layout.ts";
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

/** One case of a form, in 32-bit code or in 16-bit code. */
export function vectorCase(r: Random, form: VectorForm, mode: Mode = "plain"): Case {
  const state = vectorState(r, mode);
  const name = mode === "plain" ? form.name : `${form.name} (${mode})`;
  return makeCase(name, encode(r, form, state, true), state, 0);
}

/** Two to four instructions in a row; estimates, which differ from host to host, are left out. */
export function vectorSequence(r: Random, forms: readonly VectorForm[]): Case {
  const steps = Array.from({ length: 2 + r.below(3) }, () => r.pick(forms))
    .filter(({ row }) => !/^(rcp|rsqrt|maskmov)/.test(row.name));
  const state = vectorState(r);
  const code: number[] = [];
  for (const step of steps) {
    const more = encode(r, step, state, false);
    if (code.length + more.length <= LONGEST) code.push(...more);
  }
  return makeCase(`sequence ${steps.map((s) => s.row.name).join(" ")}`, code, state, 0);
}

/** Flat segments (what other segments do is the scalar cases' matter), corner values everywhere. */
function vectorState(r: Random, mode: Mode = "plain"): State {
  const state = new State(r, true, false, mode);
  state.segments.splice(0, 4, FLAT, FLAT_CS, FLAT, FLAT);
  randomState(r, new DataView(state.fx.buffer, state.fx.byteOffset));
  const memory = new DataView(state.memory.buffer, state.memory.byteOffset);
  fillVector(r, memory, SCRATCH_SIZE, EDGE_SIZE);
  return state;
}

/** @param alone the registers are the case's own, so that addresses may be built on them */
function encode(r: Random, { row, memory }: VectorForm, state: State, alone: boolean): number[] {
  const prefixes = row.prefix === "np" || row.prefix === "" ? [] : [parseInt(row.prefix, 16)];
  const reg = row.reg >= 0 ? row.reg : r.below(8);
  const modrm: number[] = [];
  let narrow = false, overridden = false;
  if (memory) {
    const operand = row.operands.find(isMemory)!;
    const target = pickTarget(r, operandWidth(operand, 4));
    if (alone && r.oneIn(6)) {
      // by a base and a limit, with 32 or 16 bits of address
      const [segment, prefix] = r.pick([[BASED, 0x64], [LIMITED, 0x65]] as const);
      const near = SCRATCH + SCRATCH_SIZE - 16 * r.below(3) - (r.oneIn(2) ? 0 : r.below(16));
      const offset = ((segment === LIMITED ? near : target) - segment.base) >>> 0;
      narrow = offset < 0x10000 && r.oneIn(2);
      prefixes.unshift(prefix);
      overridden = true;
      modrm.push(reg << 3 | (narrow ? 6 : 5), ...bytesOf(offset, narrow ? 2 : 4));
    } else if (!alone || r.oneIn(3)) modrm.push(reg << 3 | 5, ...bytesOf(target, 4));
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
  const implied = row.name.startsWith("maskmov");
  if (implied) state.registers[EDI] = pickTarget(r, 16);
  if ((memory || implied) && narrow !== (state.mode === "code16")) {
    prefixes.splice(overridden ? 1 : 0, 0, 0x67);
  }
  const immediate = row.operands.at(-1) === "Ib" ? [immediateOf(r)] : [];
  return [...prefixes, ...MAP_BYTES[row.map], row.opcode, ...modrm, ...immediate];
}

function immediateOf(r: Random): number {
  return r.oneIn(2) ? r.below(70) : r.below(256);
}
