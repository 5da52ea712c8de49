/** The state that a case starts from: registers, segments, memory. */
import type { Random } from "../random.ts";
import type { Ignore } from "./case.ts";
import { initialFx } from "./fx.ts";
import {
  BASED,
  DOWN,
  FLAT,
  FLAT_CS,
  LIMITED,
  PAD_TAKEN,
  PAD_TAKEN_16,
  READ_ONLY_DATA,
  SCRATCH,
  type Segment,
  SMALL_DOWN,
  STACK_16,
} from "./layout.ts";
import { corner, randomMemory } from "./values.ts";

/** General registers by their encoding. */
export const [AX, CX, DX, BX, SP, BP, SI, DI] = [0, 1, 2, 3, 4, 5, 6, 7];
const ARITHMETIC_FLAGS = 0x8d5;
export const TF = 0x100;
export const DF = 0x400;
export const AC = 0x40000;

/** Segment registers by their encoding. */
export const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5];

/** The stack lies in the upper half of the scratch. */
export const STACK_TOP = SCRATCH + 416;

/** 32-bit code and stack; or one of them 16 bits wide. */
export type Mode = "plain" | "code16" | "stack16";

/** What the instructions of one case have in common: the state they start from. */
export class State {
  readonly registers = new Uint32Array(8);
  /** Registers whose value means something: no address may be put there. */
  readonly pinned = new Set<number>();
  /** Registers that instructions before this one changed: no address may be built on them. */
  readonly changed = new Set<number>();
  eflags: number;
  readonly memory: Uint8Array;
  /** Segments behind ES CS SS DS FS GS. */
  readonly segments: (Segment | null)[];
  /** What is not compared. */
  readonly ignore: Ignore = { memory: [], registers: new Uint32Array(8), partial: "" };
  /** FPU and SSE state. */
  fx = initialFx();

  /**
   * @param alone the case has one instruction, so that what it finds is what is here
   * @param flat no segment but flat ones in DS and ES
   */
  constructor(
    r: Random,
    readonly alone = true,
    flat = false,
    readonly mode: Mode = "plain",
  ) {
    for (let i = 0; i < 8; i++) this.registers[i] = corner(r);
    if (!r.oneIn(4)) this.registers[SP] = STACK_TOP - r.below(16) * 4;
    this.eflags = 0x202 | (r.next() & ARITHMETIC_FLAGS) | (r.oneIn(4) ? DF : 0);
    this.memory = randomMemory(r);
    this.segments = [FLAT, FLAT_CS, FLAT, FLAT, BASED, LIMITED];
    if (mode === "stack16") this.segments[SS] = STACK_16;
    if (mode === "code16" && r.oneIn(2)) this.segments[DS] = this.segments[ES] = BASED;
    if (flat) return;
    const others = [BASED, BASED, READ_ONLY_DATA, DOWN, SMALL_DOWN];
    if (r.oneIn(8)) this.segments[DS] = r.pick([...others, LIMITED, null]);
    if (r.oneIn(8)) this.segments[ES] = r.pick([...others, null]);
  }

  /** Now and then, misaligned accesses raise #AC. */
  maybeCheckAlignment(r: Random): void {
    if (r.oneIn(8)) this.eflags |= AC;
  }

  /** Where jumps of a case may go. */
  get padTaken(): number {
    return this.mode === "stack16" ? PAD_TAKEN_16 : PAD_TAKEN;
  }

  /** Points a stack or frame pointer at a linear address. */
  pinStack(register: number, linear: number): void {
    this.pinned.add(register);
    this.registers[register] = this.mode === "stack16"
      ? (this.registers[register] & 0xffff0000) | (linear - STACK_16.base)
      : linear;
  }
}
