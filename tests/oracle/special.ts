/** What an instruction's operands must be for it to do something worth comparing. */
import { bytesOf, type CaseBuilder } from "./builder.ts";
import { arithmetic, FPU_PREPARE } from "./fpu.ts";
import { EDGE, EDGE_SIZE, FLAT, SCRATCH } from "./layout.ts";
import { AC, AX, BP, BX, CX, DS, DX, SP, STACK_TOP, TF } from "./state.ts";
import { string } from "./strings.ts";
import {
  codeTarget,
  farPointer,
  pushStack,
  relative,
  selectorFor,
  SELECTORS,
  stack,
} from "./targets.ts";
import { corner } from "./values.ts";
import { PARTIAL } from "./variances.ts";

export type Prepare = (b: CaseBuilder) => void;

const COUNTS = [...Array.from({ length: 34 }, (_, i) => i), 63, 64, 255];

function shiftCount(b: CaseBuilder): void {
  const n = b.r.oneIn(8) ? b.r.below(256) : b.r.pick(COUNTS);
  const kind = b.form.row.operands.at(-1);
  if (kind === "Ib") b.immediate = n;
  if (kind === "Cb") b.pin(CX, (b.registers[CX] & ~0xff) | n);
}

function division(b: CaseBuilder): void {
  const { r } = b;
  const signed = b.form.row.name === "idiv";
  const width = b.form.row.operands[0] === "Eb" ? 1 : b.form.size;
  if (r.oneIn(8)) b.setOperand(0, width);
  if (r.oneIn(4)) return;
  if (width === 1) {
    const al = b.registers[AX] & 0xff;
    const high = r.oneIn(3) ? r.below(4) : signed && al & 0x80 ? 0xff : 0;
    b.put(AX, (b.registers[AX] & 0xffff0000) | high << 8 | al);
    return;
  }
  const negative = (b.registers[AX] >>> (width * 8 - 1)) & 1;
  b.put(DX, r.oneIn(3) ? r.below(8) : signed && negative ? 0xffffffff : 0);
}

function bitOffset(b: CaseBuilder): void {
  const { r, form } = b;
  if (form.row.operands[1] === "Ib") {
    b.immediate = r.below(256);
    return;
  }
  if (!form.memory) return;
  b.target = SCRATCH + 200 + r.below(64) * (b.aligned ? 4 : 1);
  if (b.aligned) b.target &= ~3;
  let offset = r.below(3000) - 1500;
  if (r.oneIn(16)) offset = form.size === 2 ? r.below(0x8000) : r.below(0x7fffffff);
  if (form.size === 2) offset = (b.registers[b.reg] & ~0xffff) | (offset & 0xffff);
  b.pin(b.reg, offset);
}

const selectorOperand = (b: CaseBuilder) => b.setOperand(b.r.pick(SELECTORS), 2);

function interruptVector(b: CaseBuilder): void {
  do b.immediate = b.r.oneIn(4) ? b.r.pick([3, 4]) : b.r.below(256); while (
    b.immediate >= 0x80 && b.immediate <= 0x82
  );
}

/** POPF and IRET images: anything but VIP; and no TF on a 16-bit stack (see STEPPED_CASES). */
const flagsImage = (b: CaseBuilder) =>
  b.r.next() & ~0x100000 & ~(b.state.mode === "stack16" || b.r.oneIn(2) ? TF : 0);

function xlat(b: CaseBuilder): void {
  if (b.r.oneIn(4)) b.override = b.r.pick([0, 1, 2, 3, 4, 5]);
  const base = b.segments[b.override >= 0 ? b.override : DS]?.base ?? 0;
  b.registers[BX] = b.pickTarget(1) - base - (b.registers[AX] & 0xff);
}

function accumulatorEquals(b: CaseBuilder): void {
  if (!b.r.oneIn(2)) return;
  const width = b.form.row.operands[0] === "Eb" ? 1 : b.form.size;
  const mask = width === 4 ? 0xffffffff : (1 << (width * 8)) - 1;
  b.pin(AX, (b.registers[AX] & ~mask) | (b.operand(width) & mask));
}

/** By the meaning's name. */
const PREPARE: Record<string, Prepare> = {
  ...FPU_PREPARE,
  div: division,
  idiv: division,
  bt: bitOffset,
  bts: bitOffset,
  btr: bitOffset,
  btc: bitOffset,
  cmpxchg: accumulatorEquals,
  cmpxchg8b(b) {
    if (b.r.oneIn(2)) {
      b.pin(AX, b.peek(b.target, 4));
      b.pin(DX, b.peek(b.target + 4, 4));
    }
  },
  xlat,
  movs: string,
  cmps: string,
  stos: string,
  lods: string,
  scas: string,
  push: stack,
  pop: stack,
  pusha: stack,
  pushf: stack,
  push_sreg(b) {
    stack(b);
    // Intel's processors write two bytes, AMD's four
    if (b.form.size === 2) return;
    b.ignore(b.stackLinear - 2, 2);
    b.state.eflags &= ~AC;
  },
  popa(b) {
    stack(b);
    b.partial = PARTIAL.popa;
  },
  pop_sreg: (b) => pushStack(b, [[selectorFor(b, b.form.row.arg), b.form.size]]),
  popf: (b) => pushStack(b, [[flagsImage(b), 4]]),
  enter(b) {
    stack(b);
    b.state.pinStack(BP, STACK_TOP + 64 - b.r.below(16) * 4);
    b.immediate = b.r.oneIn(8) ? b.r.below(0x400) : b.r.below(64);
    b.immediate2 = b.r.oneIn(3) ? b.r.below(256) : b.r.below(5);
  },
  leave(b) {
    stack(b);
    b.state.pinStack(BP, b.stackLinear);
    b.registers[SP] = corner(b.r);
  },
  ret: (b) => {
    if (b.at > 0) {
      // where the stack pointer is by then depends on what comes before
      for (let at = STACK_TOP - 64; at < STACK_TOP + 64; at += 4) b.poke(at, b.state.padTaken, 4);
      for (let at = EDGE; at < EDGE + EDGE_SIZE; at += 4) b.poke(at, b.state.padTaken, 4);
    }
    pushStack(b, [[codeTarget(b), 4]]);
    b.immediate &= 0xff;
  },
  ret_far: (b) => {
    stack(b);
    const [offset, selector] = farPointer(b);
    pushStack(b, [[offset, b.form.size], [selector, b.form.size]]);
    if (b.stackLinear >= EDGE) b.partial = PARTIAL.farReturn;
    b.immediate &= 0xff;
  },
  iret: (b) => {
    stack(b);
    const [offset, selector] = farPointer(b);
    const n = b.form.size;
    pushStack(b, [[offset, n], [selector, n], [flagsImage(b), n]]);
    if (b.stackLinear >= EDGE) b.partial = PARTIAL.farReturn;
  },
  call: (b) => {
    stack(b);
    relative(b);
  },
  jmp: relative,
  jcc: relative,
  loop: (b) => loop(b),
  loope: (b) => loop(b),
  loopne: (b) => loop(b),
  jcxz: (b) => loop(b),
  call_indirect: (b) => {
    stack(b);
    // a stack where the target is would overwrite the landing pads
    if (!b.form.memory && b.rm === SP) b.rm = BX;
    b.apart();
    b.setOperand(codeTarget(b), b.form.size);
    if (!b.form.memory) b.pinned.add(b.rm);
  },
  jmp_indirect: (b) => {
    b.apart();
    b.setOperand(codeTarget(b), b.form.size);
  },
  call_far_indirect: (b) => {
    stack(b);
    farInMemory(b);
  },
  jmp_far_indirect: farInMemory,
  load_far(b) {
    b.poke(b.target + b.form.size, selectorFor(b, b.form.row.arg), 2);
  },
  call_far: (b) => {
    stack(b);
    farImmediate(b);
  },
  jmp_far: farImmediate,
  mov_to_sreg: (b) => b.setOperand(selectorFor(b, b.form.row.reg), 2),
  lar(b) {
    selectorOperand(b);
    b.ignoreRegister(b.reg, 0xf0000); // documented as undefined
  },
  arpl(b) {
    // whether memory is written when nothing changes is up to the processor
    if (!b.form.memory) return;
    b.target = b.scratch(2);
    b.segments[DS] = FLAT;
    b.override = DS;
  },
  cpuid: (b) => hostsOwn(b, AX, CX, DX, BX),
  rdtsc: (b) => hostsOwn(b, AX, DX),
  rdtscp: (b) => hostsOwn(b, AX, CX, DX),
  sgdt: hostsTable,
  sidt: hostsTable,
  sldt: hostsTable,
  str: hostsTable,
  smsw: hostsTable,
  // whether DR4 and DR5 exist is up to the host's CR4.DE
  mov_dr: (b) => b.reg = b.r.pick([0, 1, 2, 3, 6, 7]),
  lsl: selectorOperand,
  verr: selectorOperand,
  verw: selectorOperand,
  int: interruptVector,
  aam: (b) => b.immediate = b.r.oneIn(3) ? 10 : b.r.below(b.r.oneIn(4) ? 2 : 256),
  aad: (b) => b.immediate = b.r.oneIn(3) ? 10 : b.r.below(256),
  bound(b) {
    if (b.r.oneIn(2)) return;
    const n = b.form.size;
    b.pin(b.reg, b.r.below(100) - 50);
    b.poke(b.target, b.r.below(100) - 60, n);
    b.poke(b.target + n, b.r.below(100) - 40, n);
  },
};
for (const name of ["rol", "ror", "rcl", "rcr", "shl", "shr", "sar", "shld", "shrd"]) {
  PREPARE[name] = shiftCount;
}

function loop(b: CaseBuilder): void {
  b.addr16 = b.r.oneIn(4);
  b.pin(CX, b.r.pick([0, 1, 2, 0x10000, 0x10001, 0xffff, corner(b.r)]));
  relative(b);
}

function farInMemory(b: CaseBuilder): void {
  const [offset, selector] = farPointer(b);
  b.poke(b.target, offset, b.form.size);
  b.poke(b.target + b.form.size, selector, 2);
}

function farImmediate(b: CaseBuilder): void {
  const [offset, selector] = farPointer(b);
  b.jumpBytes = [...bytesOf(offset, b.form.size), ...bytesOf(selector, 2)];
}

/** Registers that tell of the host: its processor, its clock. */
function hostsOwn(b: CaseBuilder, ...registers: number[]): void {
  for (const n of registers) b.ignoreRegister(n, ~0);
}

/** SGDT and its like: what they store is the host's, or its kernel's answer under UMIP. */
function hostsTable(b: CaseBuilder): void {
  if (b.form.memory) b.ignore(b.target, 6);
  else b.ignoreRegister(b.rm, ~0);
}

/** Sets up what the instruction needs. */
export function prepare(b: CaseBuilder): void {
  const { name } = b.form.row;
  const specific = PREPARE[name];
  if (specific) specific(b);
  else if (name[0] === "f") arithmetic(b);
}
