/** What our decoder made of some bytes, read back from the record in a form that can be compared. */
import {
  C_EIP,
  MAILBOX,
  MODE_LONG,
  PREFIX_ADDR16,
  PREFIX_LOCK,
  PREFIX_OP16,
  PREFIX_OP64,
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

const LEGACY = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const numbered = (suffix: string) => Array.from({ length: 8 }, (_, i) => `r${i + 8}${suffix}`);
const GPR = {
  1: ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", ...numbered("l")],
  2: [...LEGACY, ...numbered("w")],
  4: [...LEGACY.map((r) => "e" + r), ...numbered("d")],
  8: [...LEGACY.map((r) => "r" + r), ...numbered("")],
} as Record<number, string[]>;
export const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];

/** Name of the register at a slot (byte offset from CPU). */
export function registerName(slot: number, width: number): string {
  if (slot === C_EIP) return width === 8 ? "rip" : "eip";
  if (slot & 1) return ["ah", "ch", "dh", "bh"][slot >> 3];
  return GPR[width][slot >> 3];
}

/** Bytes of the operand size that a record's prefixes say. */
export function operandSize(prefix: number): number {
  return prefix & PREFIX_OP64 ? 8 : prefix & PREFIX_OP16 ? 2 : 4;
}

/** Bytes of its address size. */
export function addressSize(prefix: number, long: boolean): number {
  const wide = long ? 8 : 4;
  return prefix & PREFIX_ADDR16 ? wide / 2 : wide;
}

/** A memory operand as text. `size` 0: of no definite size. */
export function memoryText(
  size: number,
  segment: string,
  base: string,
  index: string,
  scale: number,
  disp: bigint,
  addressSize: number,
): string {
  const d = BigInt.asUintN(addressSize * 8, disp).toString(16);
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
  const long = (mode & MODE_LONG) !== 0;
  const row = handlerPlan(long).rows[number].row;
  const prefix = v.getUint16(RECORD_AT + REC_PREFIX, true);
  return {
    name: row.name,
    length: v.getUint8(RECORD_AT + REC_LENGTH),
    operands: operandsOf(v, row, prefix, core.exports.cpu_decoded_in_memory() !== 0, long),
    lock: (prefix & PREFIX_LOCK) !== 0,
    row,
  };
}

function operandsOf(
  v: DataView,
  row: Row,
  prefix: number,
  inMemory: boolean,
  long: boolean,
): string[] {
  const size = operandSize(prefix);
  const wide = addressSize(prefix, long);
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
        s === R_ZERO ? "" : registerName(s, wide)
      );
      const disp = long
        ? v.getBigInt64(RECORD_AT + REC_DISP, true)
        : BigInt(v.getInt32(RECORD_AT + REC_DISP, true));
      const definite = NO_SIZE.test(row.name) ? 0 : width;
      const segment = SEGMENTS[byte(REC_SEG)];
      return memoryText(definite, segment, base, index, 1 << byte(REC_SCALE), disp, wide);
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
        const value = second ? v.getUint32(at + 4, true) : v.getBigInt64(at, true);
        return immediateText(value, o === "Ib" ? 1 : o === "Iw" ? 2 : isSized(row) ? size : 1);
      }
      case "T":
        return o === "T0" ? "st0" : `st${v.getUint8(RECORD_AT + REC_IMM) & 7}`;
      case "J":
        return immediateText(
          long ? v.getBigInt64(RECORD_AT + REC_IMM, true) : v.getInt32(RECORD_AT + REC_DISP, true),
          size,
        );
      default:
        return o;
    }
  });
}
