/** What our decoder made of some bytes, read back from the record in a form that can be compared. */
import {
  MAILBOX,
  PREFIX_ADDR16,
  PREFIX_LOCK,
  PREFIX_OP16,
  R_ZERO,
  REC_A,
  REC_B,
  REC_BASE,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_PREFIX,
  REC_SCALE,
  REC_SEG,
} from "../../core/wasm/layout.ts";
import { isSized, operandWidth } from "../../jit/isa/forms.ts";
import { isMemory } from "../../jit/isa/operands.ts";
import { handlerPlan, SPECIAL } from "../../jit/isa/plan.ts";
import type { Row } from "../../jit/isa/rows.ts";
import { type CoreForDecoding, RECORD_AT } from "./core.ts";

/** A decoded instruction, as both decoders' answers are brought to. */
export interface Decoded {
  /** Null if the bytes are an undefined instruction. */
  name: string | null;
  length: number;
  operands: string[];
  lock: boolean;
  row?: Row;
}

const GPR = {
  1: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"],
  2: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"],
  4: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
} as Record<number, string[]>;
export const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];

/** Name of the register at a slot (byte offset from CPU). */
export function registerName(slot: number, width: number): string {
  if (width === 1) return GPR[1][(slot >> 3) + (slot & 1) * 4];
  return GPR[width][slot >> 3];
}

/** A memory operand as text. `size` 0: of no definite size. */
export function memoryText(
  size: number,
  segment: string,
  base: string,
  index: string,
  scale: number,
  disp: number,
  addr16: boolean,
): string {
  const d = (addr16 ? disp & 0xffff : disp >>> 0).toString(16);
  const i = index ? `${index}*${scale}` : "";
  return `${size || ""}${segment}:[${[base, i, d].filter((s) => s).join("+")}]`;
}

/** Hexadecimal of an immediate at a width. */
export function immediateText(v: number | bigint, width: number): string {
  return "#" + BigInt.asUintN(width * 8, BigInt(v)).toString(16);
}

/** Rows whose memory operand is a pair, a pointer or nothing at all, so that its size says little. */
export const NO_SIZE =
  /^(lea|nop|bound|load_far|call_far_indirect|jmp_far_indirect|s[gi]dt|l[gi]dt|invlpg|f.*|sldt|str|smsw)$/;

/** Decodes `bytes` with the core. */
export function decodeOurs(core: CoreForDecoding, bytes: Uint8Array, mode: number): Decoded {
  core.bytes.set(bytes, MAILBOX);
  const length = core.exports.cpu_decode(MAILBOX, bytes.length, RECORD_AT, mode);
  const number = core.exports.cpu_decoded_row();
  const v = core.view;
  const handler = v.getUint32(RECORD_AT + REC_HANDLER, true);
  if (length === 0 || number < 0 || handler < SPECIAL.length) {
    return { name: null, length, operands: [], lock: false };
  }
  const row = handlerPlan().rows[number].row;
  const prefix = v.getUint16(RECORD_AT + REC_PREFIX, true);
  return {
    name: row.name,
    length: v.getUint8(RECORD_AT + REC_LENGTH),
    operands: operandsOf(v, row, prefix, core.exports.cpu_decoded_in_memory() !== 0),
    lock: (prefix & PREFIX_LOCK) !== 0,
    row,
  };
}

function operandsOf(v: DataView, row: Row, prefix: number, inMemory: boolean): string[] {
  const size = prefix & PREFIX_OP16 ? 2 : 4;
  const addr16 = (prefix & PREFIX_ADDR16) !== 0;
  const byte = (offset: number) => v.getUint8(RECORD_AT + offset);
  let slotField = REC_A;
  let immediates = 0;
  const register = (width: number) => {
    const slot = byte(slotField);
    slotField = REC_B;
    return registerName(slot, width);
  };
  return row.operands.map((o) => {
    const width = operandWidth(o, size);
    if (o === "Ap") {
      const offset = v.getUint32(RECORD_AT + REC_IMM, true);
      return `${v.getUint16(RECORD_AT + REC_IMM + 4, true).toString(16)}:${offset.toString(16)}`;
    }
    if ("MO".includes(o[0]) || (inMemory && isMemory(o))) {
      const [base, index] = [byte(REC_BASE), byte(REC_INDEX)].map((s) =>
        s === R_ZERO ? "" : registerName(s, addr16 ? 2 : 4)
      );
      const disp = v.getInt32(RECORD_AT + REC_DISP, true);
      const definite = NO_SIZE.test(row.name) ? 0 : width;
      const segment = SEGMENTS[byte(REC_SEG)];
      return memoryText(definite, segment, base, index, 1 << byte(REC_SCALE), disp, addr16);
    }
    switch (o[0]) {
      case "1":
        return "#1";
      case "E":
      case "G":
      case "Z":
      case "A":
        return register(width);
      case "P":
      case "Q":
      case "V":
      case "W": {
        const at = byte(slotField);
        slotField = REC_B;
        return ("PQ".includes(o[0]) ? "mm" : "xmm") + (at >> 4);
      }
      case "S":
        return SEGMENTS[byte(REC_B)];
      case "C":
        return "cl";
      case "I": {
        const at = RECORD_AT + REC_IMM;
        const second = immediates++ > 0;
        const value = second ? v.getUint32(at + 4, true) : v.getInt32(at, true);
        return immediateText(value, o === "Ib" ? 1 : o === "Iw" ? 2 : isSized(row) ? size : 1);
      }
      case "T":
        return o === "T0" ? "st0" : `st${v.getUint8(RECORD_AT + REC_IMM) & 7}`;
      case "J":
        return immediateText(v.getInt32(RECORD_AT + REC_DISP, true), size);
      default:
        return o;
    }
  });
}
