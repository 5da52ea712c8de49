/** What iced-x86 made of some bytes, in the form that our own answer is brought to. */
import {
  CpuidFeature,
  Decoder,
  DecoderOptions,
  EncodingKind,
  type Instruction,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
} from "iced-x86";
import { immediateText, memoryText } from "./ours.ts";

/**
 * Decodes as a Core 2 class processor: TZCNT and LZCNT are BSF and BSR there, reserved NOPs are NOPs,
 * and WBNOINVD is WBINVD.
 */
const OPTIONS = DecoderOptions.ForceReservedNop | DecoderOptions.NoMPFX_0FBC |
  DecoderOptions.NoMPFX_0FBD | DecoderOptions.NoWbnoinvd;

/** Names of iced's enumerations by number, in lower case. */
function names(e: object): string[] {
  const out: string[] = [];
  for (const [k, v] of Object.entries(e)) if (typeof v === "number") out[v] ??= k.toLowerCase();
  return out;
}
const MNEMONICS = names(Mnemonic);
const REGISTERS = names(Register);
const FEATURES = names(CpuidFeature);
const ENCODINGS = names(EncodingKind);

/** Decodes `bytes` into `out`. The caller frees `out`. */
export function decodeTheirs(bytes: Uint8Array, bits: 16 | 32 | 64, out: Instruction): void {
  const d = new Decoder(bits, bytes, OPTIONS);
  d.decodeOut(out);
  d.free();
}

export function mnemonic(i: Instruction): string {
  return MNEMONICS[i.mnemonic];
}

/** The instruction set extensions it belongs to. */
export function features(i: Instruction): string[] {
  return [...i.cpuidFeatures()].map((f) => FEATURES[f]);
}

export function encodingKind(i: Instruction): string {
  return ENCODINGS[i.encoding];
}

/** Its operands as text. `size` false: memory operands without their size. */
export function operands(i: Instruction, size: boolean): string[] {
  return Array.from({ length: i.opCount }, (_, n) => operand(i, n, size));
}

/** Bytes of an address register. */
function registerWidth(name: string): number {
  return /^(e|r\d+d)/.test(name) ? 4 : name[0] === "r" ? 8 : 2;
}

function operand(i: Instruction, n: number, size: boolean): string {
  const kind = i.opKind(n);
  switch (kind) {
    case OpKind.Register:
      return REGISTERS[i.opRegister(n)];
    case OpKind.NearBranch16:
      return immediateText(i.nearBranch16, 2);
    case OpKind.NearBranch32:
      return immediateText(i.nearBranch32, 4);
    case OpKind.NearBranch64:
      return immediateText(i.nearBranch64, 8);
    case OpKind.FarBranch16:
      return `${i.farBranchSelector.toString(16)}:${i.farBranch16.toString(16)}`;
    case OpKind.FarBranch32:
      return `${i.farBranchSelector.toString(16)}:${i.farBranch32.toString(16)}`;
    case OpKind.Immediate8:
      return immediateText(i.immediate8, 1);
    case OpKind.Immediate8_2nd:
      return immediateText(i.immediate8_2nd, 1);
    case OpKind.Immediate16:
      return immediateText(i.immediate16, 2);
    case OpKind.Immediate32:
      return immediateText(i.immediate32, 4);
    case OpKind.Immediate8to16:
      return immediateText(i.immediate8to16, 2);
    case OpKind.Immediate8to32:
      return immediateText(i.immediate8to32, 4);
    case OpKind.Immediate64:
      return immediateText(i.immediate64, 8);
    case OpKind.Immediate8to64:
      return immediateText(i.immediate8to64, 8);
    case OpKind.Immediate32to64:
      return immediateText(i.immediate32to64, 8);
    case OpKind.Memory: {
      const name = (r: number) => r === Register.None ? "" : REGISTERS[r];
      const base = name(i.memoryBase), index = name(i.memoryIndex);
      const register = [base, index].find((r) => r !== "");
      const width = register ? registerWidth(register) : i.memoryDisplSize;
      return memoryText(
        size ? MemorySizeExt.size(i.memorySize) : 0,
        name(i.memorySegment),
        base,
        index,
        i.memoryIndexScale,
        i.memoryDisplacementU64,
        width,
      );
    }
    case OpKind.MemorySegSI:
    case OpKind.MemorySegESI:
    case OpKind.MemorySegRSI: {
      const si = { [OpKind.MemorySegSI]: "si", [OpKind.MemorySegESI]: "esi" }[kind as number];
      return `${REGISTERS[i.memorySegment]}:${si ?? "rsi"}`;
    }
    case OpKind.MemoryESDI:
      return "es:di";
    case OpKind.MemoryESEDI:
      return "es:edi";
    case OpKind.MemoryESRDI:
      return "es:rdi";
    default:
      return `kind${kind}`;
  }
}
