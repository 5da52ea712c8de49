/**
 * x87 cases: an FSAVE image, a memory operand and one instruction; what came of them is an FSAVE image,
 * the memory operand, EFLAGS and EAX.
 */
import { X87 } from "../../jit/isa/x87.ts";
import { parseRow, type Row } from "../../jit/isa/rows.ts";
import { bytes, DATA } from "../float/native.ts";
import { bits, pattern } from "../float/values.ts";
import { TRANSCENDENTAL, units } from "./approximations.ts";
import type { Random } from "../random.ts";

/** Bytes of a case's slot in the data, and where things lie in it. */
export const SLOT = 256;
export const OPERAND = 112, FLAGS_IN = 240;
const STATE_IN = 0, STATE_OUT = 128, FLAGS_OUT = 236, EAX_OUT = 244;

export interface Form {
  name: string;
  row: Row;
}

export interface Case {
  form: Form;
  /** The instruction without its displacement. */
  opcode: number;
  modrm: number;
  slot: Uint8Array;
}

/** Instructions that move state as a whole or are compared elsewhere. */
const LEFT_OUT = /^(fldenv|fnstenv|frstor|fnsave|fldcw|fnstcw|fnstsw|fnclex|fninit)$/;

/** Every x87 instruction form that is compared. */
export function x87Forms(): Form[] {
  return X87.map(parseRow).filter((row) => !LEFT_OUT.test(row.name)).map((row) => {
    const opcode = `${row.opcode.toString(16)}/${row.reg}` + (row.rm < 0 ? "" : `:${row.rm}`);
    return { name: `${row.name} ${row.operands.join(",")} (${opcode})`, row };
  });
}

/** An 80-bit pattern: a number mostly, a corner often, nonsense at times. */
export function extended(r: Random): [bigint, number] {
  const sign = r.below(2) << 15;
  const v = pattern(r, 15, 63);
  let sig = (v & 0x7fffffffffffffffn) | 0x8000000000000000n;
  let e = Number((v >> 63n) & 0x7fffn);
  switch (r.below(16)) {
    case 0: // zero, or a denormal
      return [r.below(2) ? 0n : sig & 0x7fffffffffffffffn, sign];
    case 1: // pseudo-denormal, unnormal, pseudo-NaN
      return [r.below(2) ? sig : sig & 0x7fffffffffffffffn, sign | r.pick([0, 1, 0x7fff, e])];
    case 2: // infinity
      return [0x8000000000000000n, sign | 0x7fff];
    case 3:
      return [sig, sign | 0x7fff];
    case 4: // a small integer, or one and a half
      sig = BigInt(r.below(16)) << 60n | 0x8000000000000000n;
      e = 0x3fff + r.below(5);
      break;
    case 5: // what other formats hold exactly, or almost
      sig = (sig >> BigInt(r.pick([11, 40, 10, 39, 32, 48]))) << BigInt(r.pick([11, 40, 32, 48]));
      sig = BigInt.asUintN(64, sig) | 0x8000000000000000n;
      e = 0x3fff +
        r.pick([-1074, -1023, -1022, 1023, 1024, -150, -127, -126, 127, 128, 63, 31, 15]);
      break;
    case 6: // around integers' ends
      e = 0x3fff + r.pick([13, 14, 15, 16, 29, 30, 31, 32, 58, 59, 60, 61, 62, 63, 64]);
      break;
    case 7:
    case 8:
    case 9: // small numbers
      e = 0x3fff - 12 + r.below(16);
      break;
  }
  return [sig, sign | e];
}

/** A memory operand's bytes. */
function operandBytes(r: Random, operand: string, integer: boolean, decimal: boolean): number[] {
  if (decimal) {
    const digits = Array.from({ length: 9 }, () => r.below(10) << 4 | r.below(10));
    return [...digits, r.pick([0, 0x80])];
  }
  if (operand === "Mx") {
    const [sig, se] = extended(r);
    return [...bytes(sig, 8), ...bytes(se, 2)];
  }
  if (integer) {
    const size = operand === "Mw" ? 2 : operand === "Md" ? 4 : 8;
    const v = r.pick([
      bits(r, 64),
      0n,
      1n,
      -1n,
      1n << BigInt(size * 8 - 1),
      bits(r, 64) >> bits(r, 6),
    ]);
    return bytes(v, size);
  }
  return operand === "Md" ? bytes(pattern(r, 8, 23), 4) : bytes(pattern(r, 11, 52), 8);
}

/** A case of a form from a random state: all exceptions masked mostly, room for what pushes. */
export function x87Case(r: Random, form: Form): Case {
  const { row } = form;
  const slot = new Uint8Array(SLOT);
  const view = new DataView(slot.buffer);
  const masks = r.below(3) ? 0x3f : r.below(64);
  const precision = r.pick([3, 3, 3, 0, 2, 1]);
  const control = masks | 0x40 | precision << 8 | r.below(4) << 10;
  const top = r.below(8);
  // flags already there must not be waiting: the instruction itself would raise #MF
  const status = (r.below(0x40) & masks) | r.below(2) << 6 | r.below(16) << 8 & 0x700 |
    r.below(2) << 14 | top << 11;
  let tags = 0;
  for (let i = 0; i < 8; i++) if (r.below(8) === 0) tags |= 3 << i * 2;
  // what pushes needs room, mostly
  if (r.below(4)) {
    const pushes = /^(fld|fild|fbld|fptan|fsincos|fxtract)/.test(row.name);
    const last = (top + 7) & 7;
    tags = pushes ? tags | 3 << last * 2 : tags;
    if (r.below(4)) tags &= ~(3 << top * 2 | 3 << ((top + 1) & 7) * 2);
    if (pushes) tags |= 3 << last * 2;
  }
  [control, status, tags].forEach((w, i) => view.setUint32(STATE_IN + i * 4, 0xffff0000 | w, true));
  const related = r.below(3) === 0;
  let previous: [bigint, number] = [0n, 0];
  for (let i = 0; i < 8; i++) {
    let [sig, se] = extended(r);
    if (related && i) { // near the register before it, so that differences cancel
      const [s, e] = previous;
      sig = r.below(3) ? s : BigInt.asUintN(64, s + BigInt(r.below(5) - 2));
      se = (e & 0x7fff) + r.pick([0, 0, 1, -1, 62, 63, 64, 65]);
      se = Math.max(0, Math.min(0x7fff, se)) | r.below(2) << 15;
    }
    previous = [sig, se];
    view.setBigUint64(28 + i * 10, sig, true);
    view.setUint16(36 + i * 10, se, true);
  }
  view.setUint32(FLAGS_IN, 0x202 | r.below(2) * 0x8d5 & r.next(), true);
  const memory = row.mod === "mem";
  if (memory) {
    const integer = /^fi|^fbst/.test(row.name);
    slot.set(operandBytes(r, row.operands[0], integer, row.name === "fbld"), OPERAND);
  }
  const rm = memory ? 5 : row.rm < 0 ? r.below(8) : row.rm;
  return { form, opcode: row.opcode, modrm: (memory ? 0 : 0xc0) | row.reg << 3 | rm, slot };
}

/** Straight-line code for a case whose slot is number n. */
export function x87Code(c: Case, n: number): number[] {
  const at = (offset: number) => bytes(DATA + n * SLOT + offset, 4);
  return [
    ...[0xdd, 0x25, ...at(STATE_IN)], // frstor
    ...[0xff, 0x35, ...at(FLAGS_IN), 0x9d], // push, popf
    ...[c.opcode, c.modrm, ...(c.modrm < 0xc0 ? at(OPERAND) : [])],
    ...[0xa3, ...at(EAX_OUT)], // mov [..], eax
    ...[0x9c, 0x8f, 0x05, ...at(FLAGS_OUT)], // pushf, pop [..]
    ...[0xdd, 0x35, ...at(STATE_OUT)], // fnsave
  ];
}

const hex = (v: bigint | number, n: number) => v.toString(16).padStart(n, "0");

function registerText(view: DataView, state: number, i: number): string {
  const at = state + 28 + i * 10;
  return hex(view.getUint16(at + 8, true), 4) + ":" + hex(view.getBigUint64(at, true), 16);
}

function word(view: DataView, at: number): string {
  return hex(view.getUint16(at, true), 4);
}

/** Which registers are empty by an image's tag word. */
function emptyTags(view: DataView): string {
  const tags = view.getUint16(STATE_OUT + 8, true);
  return hex(tags & tags >> 1 & 0x5555, 4);
}

/** The state before, in words. */
export function describe(c: Case): string {
  const view = new DataView(c.slot.buffer, c.slot.byteOffset);
  const registers = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => registerText(view, STATE_IN, i));
  return `${c.form.name} ${hex(c.opcode, 2)} ${hex(c.modrm, 2)}: FCW ${word(view, 0)} FSW ${
    word(view, 4)
  } tags ${word(view, 8)} eflags ${hex(view.getUint32(FLAGS_IN, true), 4)}\n  st ${
    registers.slice(0, 3).join(" ")
  } … ${registers[7]}\n  memory ${hex(view.getBigUint64(OPERAND, true), 16)} ${
    word(view, OPERAND + 8)
  }; register ${registers[c.modrm & 7]}`;
}

const C1 = 0x200;

/**
 * How two outcomes differ. Selectors are each world's own. Results of transcendental functions may be
 * one unit apart, and then C1 may differ too.
 */
export function x87Differences(c: Case, ours: Uint8Array, theirs: Uint8Array): string[] {
  const [a, b] = [ours, theirs].map((s) => new DataView(s.buffer, s.byteOffset, SLOT));
  const lines: string[] = [];
  const compare = (name: string, text: (v: DataView) => string) => {
    if (text(a) !== text(b)) lines.push(`${name}: ours ${text(a)}, the processor's ${text(b)}`);
  };
  const approximate = TRANSCENDENTAL.test(c.form.row.name);
  compare("FCW", (v) => word(v, STATE_OUT));
  const ignored = approximate ? C1 : 0;
  compare("FSW", (v) => hex(v.getUint16(STATE_OUT + 4, true) & ~ignored, 4));
  // a unit in the last place may lie between a denormal, whose tag is another, and a number
  compare("tags", (v) => approximate ? emptyTags(v) : word(v, STATE_OUT + 8));
  // where the kernel switched away in between, AMD's pointers are gone
  const pointers = b.getUint32(STATE_OUT + 12, true) !== 0;
  if (pointers) compare("FIP", (v) => hex(v.getUint32(STATE_OUT + 12, true), 8));
  if (pointers) compare("FOP", (v) => word(v, STATE_OUT + 18));
  if (pointers) compare("FDP", (v) => hex(v.getUint32(STATE_OUT + 20, true), 8));
  for (let i = 0; i < 8; i++) {
    const at = STATE_OUT + 28 + i * 10;
    const apart = units(a, at) - units(b, at);
    if (approximate && apart >= -1n && apart <= 1n) continue;
    compare(`st${i}`, (v) => registerText(v, STATE_OUT, i));
  }
  compare("memory", (v) => hex(v.getBigUint64(OPERAND, true), 16) + word(v, OPERAND + 8));
  if (c.form.row.name === "fnstsw_ax") compare("AX", (v) => word(v, EAX_OUT));
  compare("eflags", (v) => hex(v.getUint32(FLAGS_OUT, true) & 0x8d5, 4));
  return lines;
}
