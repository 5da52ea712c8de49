// `asm.mov(eax, 5)`: one method for each instruction, emitting into the active unit.

import { encode, encodeString } from "./encode.ts";
import { Label, Symbolic } from "./operands.ts";
import type { Mem, Operand } from "./operands.ts";
import type { Reg } from "./registers.ts";
import { unit } from "./unit.ts";

const PLAIN = [
  "mov",
  "movzx",
  "movsx",
  "lea",
  "xchg",
  "push",
  "pop",
  "pushad",
  "popad",
  "pushf",
  "popf",
  "add",
  "adc",
  "sub",
  "sbb",
  "and",
  "or",
  "xor",
  "cmp",
  "test",
  "inc",
  "dec",
  "neg",
  "not",
  "mul",
  "imul",
  "div",
  "idiv",
  "shl",
  "shr",
  "sar",
  "rol",
  "ror",
  "shld",
  "shrd",
  "bt",
  "bts",
  "btr",
  "btc",
  "bsf",
  "bsr",
  "bswap",
  "cmpxchg",
  "xadd",
  "cmpxchg8b",
  "cdq",
  "sete",
  "setne",
  "setb",
  "setae",
  "setbe",
  "seta",
  "setl",
  "setge",
  "setle",
  "setg",
  "sets",
  "setns",
  "cmove",
  "cmovne",
  "cld",
  "std",
  "clc",
  "stc",
  "nop",
  "int",
  "int3",
  "into",
  "ud2",
  "hlt",
  "leave",
  "ret",
  "retf",
  "iret",
  "cpuid",
  "rdtsc",
  "rdmsr",
  "wrmsr",
  "cli",
  "sti",
  "clts",
  "in",
  "out",
  "lss",
  "lds",
  "les",
  "lfs",
  "lgs",
  "lldt",
  "lgdt",
  "lidt",
  "sldt",
  "str",
  "lar",
  "lsl",
  "verr",
  "verw",
  "invlpg",
  "fninit",
  "fild",
  "fistp",
  "fnstcw",
  "fldcw",
  "fnclex",
  "fxsave",
  "fxrstor",
] as const;
const BRANCHES = [
  "jmp",
  "call",
  "jo",
  "jno",
  "jb",
  "jae",
  "je",
  "jne",
  "jbe",
  "ja",
  "js",
  "jns",
  "jp",
  "jnp",
  "jl",
  "jge",
  "jle",
  "jg",
] as const;
const STRINGS = [
  "movsb",
  "movsw",
  "movsd",
  "stosb",
  "stosw",
  "stosd",
  "lodsb",
  "lodsw",
  "lodsd",
  "cmpsb",
  "cmpsd",
  "scasb",
  "scasd",
] as const;

type Plain = (typeof PLAIN)[number];
type BranchName = (typeof BRANCHES)[number];
type StringName = (typeof STRINGS)[number];

/** Anything that can stand for an operand: kernel variables and functions know their own. */
export interface AsOperand {
  operand(): Operand;
}
export type Arg = Operand | AsOperand;

const lower = (arg: Arg): Operand =>
  typeof arg !== "number" && "operand" in arg ? arg.operand() : arg as Operand;

/** Emits one instruction; labels it names become part of the program. */
export function emit(mnemonic: string, ...args: Arg[]): void {
  const operands = args.map(lower);
  const { bytes, fixups } = encode(mnemonic, operands);
  for (const f of fixups) unit().refer(f.label);
  unit().section.bytes(bytes, fixups);
}

/** Emits a jump or call, to a label or through a register or memory. */
export function branch(mnemonic: string, arg: Arg): void {
  const target = lower(arg);
  if (target instanceof Symbolic || typeof target === "number") throw new Error("jump to a number");
  if (target instanceof Label) {
    unit().refer(target);
    unit().section.branch(mnemonic, target);
  } else emit(mnemonic, target as Reg | Mem);
}

type Instructions =
  & { [M in Plain]: (...args: Arg[]) => void }
  & { [M in BranchName]: (target: Arg) => void }
  & { [M in StringName]: (rep?: "rep" | "repe" | "repne") => void };

/** The instructions. */
export const asm = {} as Instructions;
for (const m of PLAIN) asm[m] = (...args: Arg[]) => emit(m, ...args);
for (const m of BRANCHES) asm[m] = (target: Arg) => branch(m, target);
for (const m of STRINGS) {
  asm[m] = (rep?: "rep" | "repe" | "repne") => {
    unit().section.bytes(encodeString(m, rep ?? ""));
  };
}

/** Puts a label at the next byte. */
export function bind(label: Label): void {
  unit().section.label(label);
}

/** Emits bytes as they are. */
export function raw(...bytes: number[]): void {
  unit().section.bytes(bytes);
}
