// From a mnemonic and its operands to bytes. iced-x86 does the encoding; this file only finds the
// opcode in iced's list by the names of the operands, and notes where label addresses go.

import * as ix from "iced-x86";
import { Label, Mem, Symbolic } from "./operands.ts";
import type { Operand } from "./operands.ts";
import { Reg } from "./registers.ts";

/** A 32-bit address to be filled in once the label's place is known. */
export interface Fixup {
  at: number;
  label: Label;
  addend: number;
}

export interface Encoded {
  bytes: Uint8Array;
  fixups: Fixup[];
}

const encoder = new ix.Encoder(32);
const codes = ix.Code as unknown as Record<string, ix.Code | undefined>;

/** Mnemonics whose byte immediate is a plain number and not sign-extended. */
const BYTE_IMMEDIATE = new Set(
  [
    "int",
    "in",
    "out",
    "shl",
    "shr",
    "sar",
    "rol",
    "ror",
    "bt",
    "bts",
    "btr",
    "btc",
    "shrd",
    "shld",
  ],
);

/** iced's name where it differs from the mnemonic with a capital letter. */
const RENAMED: Record<string, readonly string[]> = {
  push: ["Push", "Pushd"],
  pop: ["Pop", "Popd"],
  ret: ["Retnd"],
  retf: ["Retfd"],
  iret: ["Iretd"],
  pushf: ["Pushfd"],
  popf: ["Popfd"],
  leave: ["Leaved"],
  nop: ["Nopd"],
};

function forms(
  mnemonic: string,
  operands: readonly Operand[],
  operand: Operand,
): readonly string[] {
  if (operand instanceof Reg || operand instanceof Mem) return operand.forms;
  if (typeof operand !== "number") return ["imm32"];
  const sized = operands.find((o) => o instanceof Reg || o instanceof Mem) as Reg | Mem | undefined;
  const narrow = BYTE_IMMEDIATE.has(mnemonic) || sized?.size === 1;
  if (narrow) return ["imm8"];
  const wide = sized?.size === 2 ? "imm16" : "imm32";
  return operand >= -128 && operand <= 127 ? ["imm8", wide] : [wide];
}

const found = new Map<string, ix.Code>();

function findCode(mnemonic: string, operands: readonly Operand[]): ix.Code {
  const choices = operands.map((o) => forms(mnemonic, operands, o));
  const key = mnemonic + "|" + choices.map((c) => c.join()).join("|");
  const known = found.get(key);
  if (known !== undefined) return known;
  const names = RENAMED[mnemonic] ?? [mnemonic[0].toUpperCase() + mnemonic.slice(1)];
  const tails = choices.reduce<string[]>(
    (all, choice) => all.flatMap((head) => choice.map((form) => `${head}_${form}`)),
    [""],
  );
  for (const tail of tails) {
    for (const name of names) {
      const code = codes[name + tail];
      if (code !== undefined) {
        found.set(key, code);
        return code;
      }
    }
  }
  throw new Error(`no encoding for ${mnemonic} ${choices.map((c) => c[0]).join(", ")}`);
}

function memory(mem: Mem): ix.MemoryOperand {
  const none = ix.Register.None;
  const d = mem.displacement;
  const bare = !mem.base && !mem.index;
  // A displacement that a label takes part in is always four bytes wide.
  const size = mem.symbol || bare ? 4 : d === 0 ? 0 : d >= -128 && d <= 127 ? 1 : 4;
  return new ix.MemoryOperand(
    mem.base?.number ?? none,
    mem.index?.reg.number ?? none,
    mem.index?.scale ?? 1,
    BigInt(mem.symbol || (bare && d >= 0) ? d >>> 0 : d | 0),
    size,
    false,
    mem.segment?.number ?? none,
  );
}

type Create = (code: ix.Code, ...operands: unknown[]) => ix.Instruction;
const create = ix.Instruction as unknown as Record<string, Create>;

function finish(instruction: ix.Instruction, ip: number): Uint8Array {
  encoder.encode(instruction, BigInt(ip >>> 0));
  instruction.free();
  return encoder.takeBuffer();
}

/** An operand's part of what makes two instructions the same bytes: labels are filled in later. */
function keyOf(operand: Operand): string {
  if (operand instanceof Reg) return operand.name;
  if (typeof operand === "number") return String(operand | 0);
  if (!(operand instanceof Mem)) return "label";
  const { size, segment, base, index, symbol, displacement } = operand;
  return `${size}${segment?.name ?? ""}[${base?.name ?? ""}+${index?.reg.name ?? ""}*${
    index?.scale ?? ""
  }${symbol ? "label" : displacement}]`;
}

/** Bytes, and where in them an immediate or a displacement stands. */
interface Template {
  bytes: Uint8Array;
  immediateAt: number;
  displacementAt: number;
}
const templates = new Map<string, Template>();

function template(mnemonic: string, operands: readonly Operand[]): Template {
  const code = findCode(mnemonic, operands);
  let kinds = "";
  const values = operands.map((operand) => {
    if (operand instanceof Reg) return kinds += "Reg", operand.number;
    if (operand instanceof Mem) return kinds += "Mem", memory(operand);
    kinds += "I32";
    return typeof operand === "number" ? operand | 0 : 0;
  });
  const bytes = finish(create["create" + kinds](code, ...values), 0);
  const { immediateOffset, displacementOffset } = encoder.getConstantOffsets();
  return { bytes, immediateAt: immediateOffset, displacementAt: displacementOffset };
}

/**
 * Encodes one instruction that is no relative branch. What has been encoded once is remembered:
 * kernels say the same few hundred things over and over.
 * @throws Error when the processor has no such form
 */
export function encode(mnemonic: string, operands: readonly Operand[]): Encoded {
  const key = mnemonic + operands.map(keyOf).join();
  let made = templates.get(key);
  if (!made) templates.set(key, made = template(mnemonic, operands));
  const fixups: Fixup[] = [];
  for (const operand of operands) {
    if (operand instanceof Label) {
      fixups.push({ at: made.immediateAt, label: operand, addend: 0 });
    } else if (operand instanceof Symbolic) {
      fixups.push({ at: made.immediateAt, label: operand.label, addend: operand.addend });
    } else if (operand instanceof Mem && operand.symbol) {
      const { symbol, displacement } = operand;
      fixups.push({ at: made.displacementAt, label: symbol, addend: displacement });
    }
  }
  return { bytes: made.bytes, fixups };
}

/** Encodes a string instruction, `rep` being "", "rep", "repe" or "repne". */
export function encodeString(name: string, rep: string): Uint8Array {
  const capital = (s: string) => s === "" ? "" : s[0].toUpperCase() + s.slice(1);
  if (rep) return finish(create["create" + capital(rep) + capital(name)](32 as ix.Code), 0);
  const seg = /^(lods|movs|cmps)/.test(name) ? [ix.Register.None] : [];
  const args = [...seg, ix.RepPrefixKind.None];
  return finish(create["create" + capital(name)](32 as ix.Code, ...args), 0);
}

/** Encodes a relative jump or call from `ip` to `target`, in its short form if `short`. */
export function encodeBranch(
  mnemonic: string,
  ip: number,
  target: number,
  short: boolean,
): Uint8Array {
  const name = mnemonic[0].toUpperCase() + mnemonic.slice(1);
  const code = codes[`${name}_rel${short ? "8" : "32"}_32`] ?? codes[`${name}_rel8_32`];
  if (code === undefined) throw new Error(`no branch ${mnemonic}`);
  return finish(ix.Instruction.createBranch(code, BigInt(target >>> 0)), ip);
}

/** Length in bytes of a relative branch in each form. */
export function branchLength(mnemonic: string, short: boolean): number {
  return short ? 2 : mnemonic === "jmp" || mnemonic === "call" ? 5 : 6;
}
