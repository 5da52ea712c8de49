// Turning values into instructions. Results are computed in EAX with ECX as the second register
// and EDX for products and quotients; what does not fit goes over the stack. Nothing clever: kernel
// code is read more often than it is waited for, and hot paths are written in `asm` directly.

import { asm, bind } from "./instructions.ts";
import { Label, Mem } from "./operands.ts";
import { cl, eax, ebp, ecx, edx, narrow, type Reg } from "./registers.ts";
import { directMemory, node, simple } from "./values.ts";
import type { Condition, Given, Node } from "./values.ts";
import { unit } from "./unit.ts";

const INVERSE: Record<Condition, Condition> = {
  e: "ne",
  ne: "e",
  b: "ae",
  ae: "b",
  be: "a",
  a: "be",
  l: "ge",
  ge: "l",
  le: "g",
  g: "le",
};

/** True when the node can be computed in one register, touching no other. */
function inOneRegister(n: Node): boolean {
  switch (n.kind) {
    case "number":
    case "symbol":
    case "frame":
    case "register":
    case "result":
      return true;
    case "load":
      return inOneRegister(n.address);
    case "binary":
      if (n.op === "mul" || n.op === "div" || n.op === "mod") return false;
      if (n.op === "shl" || n.op === "shr" || n.op === "sar") {
        return n.b.kind === "number" && inOneRegister(n.a);
      }
      return isOperand(n.b) && inOneRegister(n.a);
    default:
      return false;
  }
}

/** True when `simple` would find an operand. */
function isOperand(n: Node): boolean {
  return n.kind === "number" || n.kind === "symbol" || n.kind === "register" ||
    n.kind === "result" ||
    (n.kind === "load" && n.size === 4 && directMemory(n.address, 4) !== null);
}

/** Splits a constant off an address, so that it can stand in the instruction. */
function splitAddress(n: Node): [Node, number] {
  return n.kind === "binary" && n.op === "add" && n.b.kind === "number" ? [n.a, n.b.value] : [n, 0];
}

function load(reg: Reg, from: Mem): void {
  if (from.size === 4) asm.mov(reg, from);
  else asm.movzx(reg, from);
}

/** True when the node is the result of the call just emitted, still in EAX. */
const justReturned = (n: Node) =>
  n.kind === "result" && unit().section.fragments.at(-1) === n.spill;

/** Computes a value into a register (EAX, ECX or EDX). */
export function evaluate(given: Given, reg: Reg = eax): void {
  compute(node(given), reg);
}

function compute(n: Node, reg: Reg): void {
  if (justReturned(n)) {
    if (reg !== eax) asm.mov(reg, eax);
    return;
  }
  if (n.kind === "number" && n.value === 0) return asm.xor(reg, reg);
  if (isOperand(n)) {
    const operand = simple(n)!;
    if (operand !== reg) asm.mov(reg, operand);
    return;
  }
  switch (n.kind) {
    case "frame":
      return asm.lea(reg, new Mem(0, [ebp, n.offset]));
    case "load": {
      const direct = directMemory(n.address, n.size);
      if (direct) return load(reg, direct);
      const [base, displacement] = splitAddress(n.address);
      compute(base, reg);
      return load(reg, new Mem(n.size, [reg, displacement]));
    }
    case "binary":
      return binary(n, reg);
    case "compare":
    case "not":
    case "logic":
      return truth(n, reg);
  }
  throw new Error(`cannot compute ${n.kind}`);
}

/** Gets `a` into EAX and `b` into ECX. */
function pair(a: Node, b: Node): void {
  if (isOperand(b) || inOneRegister(b)) {
    compute(a, eax);
    compute(b, ecx);
  } else {
    compute(b, eax);
    asm.push(eax);
    compute(a, eax);
    asm.pop(ecx);
  }
}

function binary(n: Node & { kind: "binary" }, reg: Reg): void {
  const { op, a, b } = n;
  if (reg !== eax && !inOneRegister(n)) throw new Error("too deep for one register");
  if (op === "div" || op === "mod") {
    pair(a, b);
    asm.xor(edx, edx);
    asm.div(ecx);
    if (op === "mod") asm.mov(eax, edx);
    return;
  }
  if (op === "mul") {
    pair(a, b);
    return asm.imul(eax, ecx);
  }
  if (op === "shl" || op === "shr" || op === "sar") {
    if (b.kind === "number") {
      compute(a, reg);
      return asm[op](reg, b.value);
    }
    pair(a, b);
    return asm[op](eax, cl);
  }
  if (isOperand(b)) {
    const operand = simple(b)!;
    compute(a, reg);
    return asm[op](reg, operand);
  }
  pair(a, b);
  asm[op](eax, ecx);
}

function compare(a: Node, b: Node): void {
  if (a.kind === "load" && b.kind === "number") {
    const direct = directMemory(a.address, a.size);
    if (direct) return asm.cmp(direct, b.value);
  }
  if (isOperand(b)) {
    const operand = simple(b)!;
    compute(a, eax);
    if (b.kind === "number" && b.value === 0) asm.test(eax, eax);
    else asm.cmp(eax, operand);
  } else {
    pair(a, b);
    asm.cmp(eax, ecx);
  }
}

/** Jumps to `target` when the value's truth is `wanted`; falls through otherwise. */
export function jumpIf(given: Given, target: Label, wanted: boolean): void {
  jump(node(given), target, wanted);
}

function jump(n: Node, target: Label, wanted: boolean): void {
  if (n.kind === "not") return jump(n.a, target, !wanted);
  if (n.kind === "number") {
    if ((n.value !== 0) === wanted) asm.jmp(target);
    return;
  }
  if (n.kind === "logic") {
    if ((n.op === "and") === wanted) {
      // Both must agree: leave on the first that does not.
      const past = new Label("past");
      jump(n.a, past, !wanted);
      jump(n.b(), target, wanted);
      return bind(past);
    }
    jump(n.a, target, wanted);
    return jump(n.b(), target, wanted);
  }
  if (n.kind !== "compare") {
    compare(n, { kind: "number", value: 0 });
    return wanted ? asm.jne(target) : asm.je(target);
  }
  compare(n.a, n.b);
  asm[`j${wanted ? n.condition : INVERSE[n.condition]}`](target);
}

/** Computes 0 or 1. */
function truth(n: Node, reg: Reg): void {
  const no = new Label("no"), done = new Label("done");
  jump(n, no, false);
  asm.mov(reg, 1);
  asm.jmp(done);
  bind(no);
  asm.xor(reg, reg);
  bind(done);
}

/** Stores a value of 1, 2 or 4 bytes. */
export function store(address: Node, size: 1 | 2 | 4, given: Given): void {
  const value = node(given);
  const direct = directMemory(address, size);
  if (value.kind === "number" || (value.kind === "symbol" && size === 4)) {
    const operand = value.kind === "number" ? value.value : simple(value)!;
    const constant = size === 4 || typeof operand !== "number"
      ? operand
      : size === 1
      ? operand << 24 >> 24
      : operand << 16 >> 16;
    if (direct) return asm.mov(direct, constant);
    const [base, displacement] = splitAddress(address);
    compute(base, eax);
    return asm.mov(new Mem(size, [eax, displacement]), constant);
  }
  if (direct) {
    compute(value, eax);
    return asm.mov(direct, narrow(eax, size));
  }
  const [base, displacement] = splitAddress(address);
  pair(value, base);
  asm.mov(new Mem(size, [ecx, displacement]), narrow(eax, size));
}

/** Pushes a value on the stack. */
export function push(given: Given): void {
  const n = node(given);
  if (justReturned(n)) return asm.push(eax);
  if (isOperand(n)) return asm.push(simple(n)!);
  compute(n, eax);
  asm.push(eax);
}
