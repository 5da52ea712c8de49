// Values: what kernel code computes with. A value is a small expression tree over 32-bit words; it
// is evaluated where it is used (see codegen.ts), so a value that reads a variable reads it then.
// To keep a value as it is now, put it into a `local`.

import { asm } from "./instructions.ts";
import type { AsOperand } from "./instructions.ts";
import { Label, Mem, Symbolic } from "./operands.ts";
import type { Operand } from "./operands.ts";
import { eax, ebp, Reg } from "./registers.ts";
import type { Bytes } from "./section.ts";
import { textLabel } from "./text.ts";
import { unit } from "./unit.ts";

export type BinaryOp =
  | "add"
  | "sub"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "sar"
  | "mul"
  | "div"
  | "mod";
export type Condition = "e" | "ne" | "b" | "ae" | "be" | "a" | "l" | "ge" | "le" | "g";

export type Node =
  | { kind: "number"; value: number }
  | { kind: "symbol"; label: Label; addend: number }
  | { kind: "frame"; offset: number }
  | { kind: "register"; reg: Reg }
  | { kind: "load"; address: Node; size: 1 | 2 | 4 }
  | { kind: "binary"; op: BinaryOp; a: Node; b: Node }
  | { kind: "compare"; condition: Condition; a: Node; b: Node }
  | { kind: "not"; a: Node }
  | { kind: "logic"; op: "and" | "or"; a: Node; b: () => Node }
  | { kind: "result"; spill: Bytes; slot: () => number };

/** What may be given where a value is wanted. A string stands for its address. */
export type Given = Value | Reg | Label | number | string | { readonly label: Label };

export function node(given: Given): Node {
  if (typeof given === "number") return { kind: "number", value: given | 0 };
  if (given instanceof Value) return given.node;
  if (given instanceof Reg) return { kind: "register", reg: given };
  const label = typeof given === "string"
    ? textLabel(given)
    : given instanceof Label
    ? given
    : given.label;
  return { kind: "symbol", label, addend: 0 };
}

/** a + constant, folded into what can carry one. */
function offset(a: Node, by: number): Node {
  if (by === 0) return a;
  if (a.kind === "number") return { kind: "number", value: (a.value + by) | 0 };
  if (a.kind === "symbol") return { ...a, addend: a.addend + by };
  if (a.kind === "frame") return { ...a, offset: a.offset + by };
  if (a.kind === "binary" && a.op === "add" && a.b.kind === "number") {
    return { ...a, b: { kind: "number", value: (a.b.value + by) | 0 } };
  }
  return { kind: "binary", op: "add", a, b: { kind: "number", value: by | 0 } };
}

export class Value implements AsOperand {
  constructor(readonly node: Node) {}

  #binary(op: BinaryOp, other: Given): Value {
    return new Value({ kind: "binary", op, a: this.node, b: node(other) });
  }
  plus(other: Given): Value {
    const b = node(other);
    return b.kind === "number" ? new Value(offset(this.node, b.value)) : this.#binary("add", other);
  }
  minus(other: Given): Value {
    const b = node(other);
    return b.kind === "number"
      ? new Value(offset(this.node, -b.value))
      : this.#binary("sub", other);
  }
  times(other: Given): Value {
    const b = node(other);
    if (b.kind === "number" && b.value > 0 && (b.value & (b.value - 1)) === 0) {
      return b.value === 1 ? this : this.shl(31 - Math.clz32(b.value));
    }
    return this.#binary("mul", other);
  }
  /** Unsigned division. */
  over(other: Given): Value {
    return this.#binary("div", other);
  }
  /** Unsigned remainder. */
  mod(other: Given): Value {
    return this.#binary("mod", other);
  }
  and(other: Given): Value {
    return this.#binary("and", other);
  }
  or(other: Given): Value {
    return this.#binary("or", other);
  }
  xor(other: Given): Value {
    return this.#binary("xor", other);
  }
  shl(other: Given): Value {
    return this.#binary("shl", other);
  }
  /** Logical shift right. */
  shr(other: Given): Value {
    return this.#binary("shr", other);
  }
  /** Arithmetic shift right. */
  sar(other: Given): Value {
    return this.#binary("sar", other);
  }

  #compare(condition: Condition, other: Given): Value {
    return new Value({ kind: "compare", condition, a: this.node, b: node(other) });
  }
  eq(other: Given): Value {
    return this.#compare("e", other);
  }
  ne(other: Given): Value {
    return this.#compare("ne", other);
  }
  /** Unsigned less than; `le`, `gt`, `ge` likewise. */
  lt(other: Given): Value {
    return this.#compare("b", other);
  }
  le(other: Given): Value {
    return this.#compare("be", other);
  }
  gt(other: Given): Value {
    return this.#compare("a", other);
  }
  ge(other: Given): Value {
    return this.#compare("ae", other);
  }
  /** Signed: below zero, as every hypercall error is. */
  isNegative(): Value {
    return this.#compare("l", 0);
  }
  /** True when this is zero. */
  not(): Value {
    return new Value({ kind: "not", a: this.node });
  }
  /** True when both are; `other` is evaluated only if this is true. */
  both(other: () => Value): Value {
    return new Value({ kind: "logic", op: "and", a: this.node, b: () => other().node });
  }
  /** True when one is; `other` is evaluated only if this is false. */
  either(other: () => Value): Value {
    return new Value({ kind: "logic", op: "or", a: this.node, b: () => other().node });
  }

  /**
   * The value as an operand of one instruction.
   * @throws Error when it takes more than an operand to say
   */
  operand(): Operand {
    const operand = simple(this.node);
    if (operand === null) throw new Error("this value is no operand: put it into a local first");
    return operand;
  }
}

/** The memory operand for a load whose address needs no computing; null if it does. */
export function directMemory(address: Node, size: 0 | 1 | 2 | 4): Mem | null {
  if (address.kind === "number") return new Mem(size, [address.value]);
  if (address.kind === "symbol") {
    return new Mem(size, [new Symbolic(address.label, address.addend)]);
  }
  if (address.kind === "frame") return new Mem(size, [ebp, address.offset]);
  if (address.kind === "register") return new Mem(size, [address.reg]);
  if (
    address.kind === "binary" && address.op === "add" && address.a.kind === "register" &&
    address.b.kind === "number"
  ) return new Mem(size, [address.a.reg, address.b.value]);
  return null;
}

/** The node as a 32-bit operand that changes no register; null when there is none. */
export function simple(n: Node): Operand | null {
  if (n.kind === "number") return n.value;
  if (n.kind === "symbol") return new Symbolic(n.label, n.addend);
  if (n.kind === "register") return n.reg;
  if (n.kind === "load" && n.size === 4) return directMemory(n.address, 4);
  if (n.kind === "result") {
    // The call's result is wanted later: the place left behind the call becomes a store.
    if (n.spill.bytes.length === 0) spill(n);
    return new Mem(4, [ebp, n.slot()]);
  }
  return null;
}

function spill(n: Node & { kind: "result" }): void {
  const scratch = unit().section.fragments;
  const before = scratch.length;
  asm.mov(new Mem(4, [ebp, n.slot()]), eax);
  const [store] = scratch.splice(before) as Bytes[];
  n.spill.bytes = store.bytes;
}
