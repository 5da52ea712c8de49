/** Our rows' names beside iced's mnemonics, and the operands that our table leaves implicit. */
import type { Row } from "../../jit/isa/rows.ts";
import { SEGMENTS } from "./ours.ts";

const CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split(" ");

/** Instructions with one name for each operand size, 16 and 32 bits. */
const SIZED: Record<string, [string, string]> = {
  pusha: ["pusha", "pushad"],
  popa: ["popa", "popad"],
  pushf: ["pushf", "pushfd"],
  popf: ["popf", "popfd"],
  cbw: ["cbw", "cwde"],
  cwd: ["cwd", "cdq"],
  iret: ["iret", "iretd"],
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
  cmpxchg8b: ["cmpxchg8b"],
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
      return ["jcxz", "jecxz"];
  }
  const sized = SIZED[row.name];
  if (sized) return [sized[size === 2 ? 0 : 1]];
  if (BYTE_OR_SIZED.test(row.name)) return [row.name + (row.arg === 1 ? "b" : suffix(size))];
  if (INS_OUTS.test(row.name)) return [row.name + (row.opcode & 1 ? suffix(size) : "b")];
  return NAMES[row.name] ?? [row.name.split("_")[0]];
}

function suffix(size: number): string {
  return size === 2 ? "w" : "d";
}

/**
 * The operands iced shows for a row whose own are implicit; null if the row's own list is complete.
 *
 * @param segment segment of the string source or table
 */
export function implicitOperands(
  row: Row,
  size: number,
  addr16: boolean,
  segment: string,
): string[] | null {
  const a = (row.arg === 1 ? ["al"] : size === 2 ? ["ax"] : ["eax"])[0];
  const di = addr16 ? "es:di" : "es:edi";
  const si = `${segment}:${addr16 ? "si" : "esi"}`;
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
      return [`1${segment}:[${addr16 ? "bx" : "ebx"}+al*1+0]`];
    case "fnstsw_ax":
      return ["ax"];
    default:
      return null;
  }
}
