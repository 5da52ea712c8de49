// What an instruction may name besides registers: labels, addresses in memory, numbers.

import { Reg } from "./registers.ts";

/**
 * A place in the program that has a name. Labels are plain module-level objects and belong to no
 * program: where one lies is known to each `Unit` by itself, so one kernel source can be assembled
 * into many images. A label with a `definition` is assembled when something first refers to it.
 */
export class Label {
  constructor(
    readonly name: string,
    readonly definition?: () => void,
    readonly kind: "function" | "object" | "local" = "local",
  ) {}
}

/** A label plus a constant. */
export class Symbolic {
  constructor(readonly label: Label, readonly addend = 0) {}
}

/** A scaled index register in an address. */
export class Scaled {
  constructor(readonly reg: Reg, readonly scale: 1 | 2 | 4 | 8) {}
}

export type AddressPart = Reg | Scaled | Label | Symbolic | number;

/** A memory operand of `size` bytes; size 0 for instructions that take only the address. */
export class Mem {
  readonly base: Reg | null = null;
  readonly index: Scaled | null = null;
  readonly symbol: Label | null = null;
  readonly displacement: number = 0;
  segment: Reg | null = null;

  constructor(readonly size: 0 | 1 | 2 | 4 | 6 | 8, parts: readonly AddressPart[]) {
    for (const part of parts) {
      if (typeof part === "number") this.displacement += part;
      else if (part instanceof Scaled) this.index = part;
      else if (part instanceof Reg) {
        if (this.base) this.index = new Scaled(part, 1);
        else this.base = part;
      } else {
        if (this.symbol) throw new Error("two labels in one address");
        this.symbol = part instanceof Label ? part : part.label;
        if (part instanceof Symbolic) this.displacement += part.addend;
      }
    }
  }

  /** The same operand with a segment override. */
  via(segment: Reg): Mem {
    this.segment = segment;
    return this;
  }

  /** Names under which the opcode list may know this operand, best first. */
  get forms(): readonly string[] {
    const bits = this.size * 8;
    if (this.size === 0) return ["m", "m512byte"];
    if (this.size === 6) return ["m1632"];
    if (this.size === 2) return ["r32m16", "rm16", "m16", "m2byte"];
    return [`rm${bits}`, `m${bits}`, `m${bits}fp`, `m${bits}int`];
  }
}

export const byte = (...parts: AddressPart[]) => new Mem(1, parts);
export const word = (...parts: AddressPart[]) => new Mem(2, parts);
export const dword = (...parts: AddressPart[]) => new Mem(4, parts);
export const qword = (...parts: AddressPart[]) => new Mem(8, parts);
/** A far pointer: 32-bit offset, then selector. */
export const farPointer = (...parts: AddressPart[]) => new Mem(6, parts);
/** An address for LEA, INVLPG and their like. */
export const address = (...parts: AddressPart[]) => new Mem(0, parts);
export const scaled = (reg: Reg, scale: 1 | 2 | 4 | 8) => new Scaled(reg, scale);

export type Operand = Reg | Mem | Label | Symbolic | number;
