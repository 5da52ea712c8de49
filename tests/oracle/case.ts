/** A test case: one instruction (or a few) with the state it starts from; and what came of it. */
import {
  FX_SIZE,
  MEMORY_SIZE,
  REC_CODE_OR_ERROR,
  REC_EFLAGS,
  REC_EIP,
  REC_ESP_OR_EXIT,
  REC_FX,
  REC_MEMORY,
  REC_SEGMENTS_OR_CR2,
  REC_SELECTORS,
  REC_SIGNAL_ADDRESS,
  REC_SIGNAL_CODE,
  REC_STEPS_OR_SIGNAL,
} from "./layout.ts";

/** General registers by their encoding: EAX ECX EDX EBX ESP EBP ESI EDI. */
export type Registers = Uint32Array;

export interface Case {
  /** The form it belongs to (see forms.ts). */
  form: string;
  /** The instruction's bytes, to lie at SLOT_CODE of the case's slot. */
  code: number[];
  registers: Registers;
  eflags: number;
  ds: number;
  es: number;
  ss: number;
  /** The code is 16 bits wide. */
  code16: boolean;
  /** The slot that its code lies in, if not the one of its place among the others. */
  slot?: number;
  /** Single-step traps to go on from before the one that ends the case. */
  steps: number;
  /** MEMORY_SIZE bytes: the scratch, then the edge. */
  memory: Uint8Array;
  /** FX_SIZE bytes that FXRSTOR takes. */
  fx: Uint8Array;
  /** EFLAGS bits that the manual leaves undefined after it. */
  undefinedFlags: number;
  /** Those of them in which we follow one maker's processors (jit/isa/undefined.ts). */
  followedFlags: number;
  ignore: Ignore;
}

/** What is not compared, because the manual leaves it undefined or processors differ. */
export interface Ignore {
  /** Bytes of memory: addresses and lengths. */
  memory: [number, number][];
  /** Bits of the registers. */
  registers: Uint32Array;
  /** Why after a fault only the exit and EIP count; "" if everything does. */
  partial: string;
}

/** What a world answered. */
export interface Outcome {
  registers: Registers;
  eflags: number;
  /** EXIT_* */
  exit: number;
  error: number;
  cr2: number;
  eip: number;
  /** Natively the signal's number, code and address; in a guest DR6 in place of the number. */
  signal: [number, number, number];
  /** DS ES FS GS */
  selectors: number[];
  memory: Uint8Array;
  fx: Uint8Array;
}

const PUSHAD = [7, 6, 5, 4, 3, 2, 1, 0];

/** Writes a case as the driver reads it: `code` is its offset in the segment of `cs`. */
export function writeCase(
  c: Case,
  cs: number,
  code: number,
  view: DataView,
  at: number,
): void {
  PUSHAD.forEach((r, i) => view.setUint32(at + i * 4, c.registers[r], true));
  view.setUint32(at + REC_EFLAGS, c.eflags, true);
  view.setUint32(at + REC_ESP_OR_EXIT, c.registers[4], true);
  view.setUint32(at + REC_CODE_OR_ERROR, code, true);
  view.setUint32(at + REC_SEGMENTS_OR_CR2, c.ds | c.es << 16, true);
  view.setUint32(at + REC_STEPS_OR_SIGNAL, c.steps, true);
  view.setUint32(at + REC_EIP, cs | c.ss << 16, true);
  new Uint8Array(view.buffer, view.byteOffset + at + REC_MEMORY, MEMORY_SIZE).set(c.memory);
  new Uint8Array(view.buffer, view.byteOffset + at + REC_FX, FX_SIZE).set(c.fx);
}

/** Reads what the driver left. */
export function readOutcome(view: DataView, at: number): Outcome {
  const registers = new Uint32Array(8);
  PUSHAD.forEach((r, i) => registers[r] = view.getUint32(at + i * 4, true));
  const word = (offset: number) => view.getUint32(at + offset, true);
  return {
    registers,
    eflags: word(REC_EFLAGS),
    exit: word(REC_ESP_OR_EXIT),
    error: word(REC_CODE_OR_ERROR),
    cr2: word(REC_SEGMENTS_OR_CR2),
    eip: word(REC_EIP),
    signal: [word(REC_STEPS_OR_SIGNAL), word(REC_SIGNAL_CODE), word(REC_SIGNAL_ADDRESS)],
    selectors: [0, 2, 4, 6].map((i) => view.getUint16(at + REC_SELECTORS + i, true)),
    memory: new Uint8Array(view.buffer, view.byteOffset + at + REC_MEMORY, MEMORY_SIZE),
    fx: new Uint8Array(view.buffer, view.byteOffset + at + REC_FX, FX_SIZE),
  };
}
