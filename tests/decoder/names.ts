/** Our rows' names beside iced's mnemonics, and the operands that our table leaves implicit. */
import type { Row } from "../../jit/isa/rows.ts";
import { SEGMENTS } from "./ours.ts";

const CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split(" ");

/** Instructions with one name for each operand size, 16, 32 and 64 bits. */
const SIZED: Record<string, string[]> = {
  pusha: ["pusha", "pushad"],
  popa: ["popa", "popad"],
  pushf: ["pushf", "pushfd", "pushfq"],
  popf: ["popf", "popfd", "popfq"],
  cbw: ["cbw", "cwde", "cdqe"],
  cwd: ["cwd", "cdq", "cqo"],
  iret: ["iret", "iretd", "iretq"],
  cmpxchg8b: ["cmpxchg8b", "cmpxchg8b", "cmpxchg16b"],
  fxsave: ["fxsave", "fxsave", "fxsave64"],
  fxrstor: ["fxrstor", "fxrstor", "fxrstor64"],
  sysret: ["sysret", "sysret", "sysretq"],
  sysexit: ["sysexit", "sysexit", "sysexitq"],
  movd_to: ["movd", "movd", "movq"],
  movd_from: ["movd", "movd", "movq"],
};

/** Instructions with one row but several names; otherwise the part before `_` is the mnemonic. */
const NAMES: Record<string, string[]> = {
  imul1: ["imul"],
  imul2: ["imul"],
  imul3: ["imul"],
  ret_far: ["retf"],
  shl: ["shl", "sal"],
  xlat: ["xlatb"],
  xchg: ["xchg", "nop", "pause"],
  fnstsw_ax: ["fnstsw"],
  fstp: ["fstp", "fstpnce"],
  nop: [
    "nop",
    "reservednop",
    "prefetch",
    "prefetchw",
    "prefetchnta",
    "prefetcht0",
    "prefetcht1",
    "prefetcht2",
    "lfence",
    "mfence",
    "sfence",
  ],
};
const LOAD_FAR = ["les", "cs?", "lss", "lds", "lfs", "lgs"];
const BYTE_OR_SIZED = /^(movs|cmps|stos|lods|scas)$/;
const INS_OUTS = /^(ins|outs)$/;

/** The mnemonics a row may have at an operand size. */
export function mnemonics(row: Row, size: number): string[] {
  const c = CONDITIONS[row.arg];
  switch (row.name) {
    case "jcc":
      return ["j" + c];
    case "setcc":
      return ["set" + c];
    case "cmov":
      return ["cmov" + c];
    case "load_far":
      return [LOAD_FAR[row.arg]];
    case "jcxz":
      return ["jcxz", "jecxz", "jrcxz"];
  }
  const sized = SIZED[row.name];
  if (sized) return [sized[Math.log2(size) - 1]];
  if (BYTE_OR_SIZED.test(row.name)) return [row.name + (row.arg === 1 ? "b" : suffix(size))];
  if (INS_OUTS.test(row.name)) {
    return [row.name + (row.opcode & 1 ? suffix(Math.min(size, 4)) : "b")];
  }
  return NAMES[row.name] ?? [row.name.split("_")[0]];
}

function suffix(size: number): string {
  return size === 2 ? "w" : size === 4 ? "d" : "q";
}

/**
 * The operands iced shows for a row whose own are implicit; null if the row's own list is complete.
 *
 * @param addressSize in bytes
 * @param segment segment of the string source or table
 */
export function implicitOperands(
  row: Row,
  size: number,
  addressSize: number,
  segment: string,
): string[] | null {
  const widen = (register: string, size: number) =>
    size === 2 ? register : (size === 4 ? "e" : "r") + register;
  const a = row.arg === 1 ? "al" : widen("ax", size);
  const di = `es:${widen("di", addressSize)}`;
  const si = `${segment}:${widen("si", addressSize)}`;
  switch (row.name) {
    case "push_sreg":
    case "pop_sreg":
      return [SEGMENTS[row.arg]];
    case "movs":
      return [di, si];
    case "cmps":
      return [si, di];
    case "stos":
      return [di, a];
    case "lods":
      return [a, si];
    case "scas":
      return [a, di];
    case "cbw":
    case "cwd":
      return [];
    case "xlat":
      return [`1${segment}:[${widen("bx", addressSize)}+al*1+0]`];
    case "fnstsw_ax":
      return ["ax"];
    default:
      return null;
  }
}
