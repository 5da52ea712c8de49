/** What an instruction's operands must be for it to do something worth comparing. */
import {
  AX,
  BP,
  BX,
  bytesOf,
  type CaseBuilder,
  CX,
  DF,
  DI,
  DS_NUMBER,
  DX,
  ES_NUMBER,
  SI,
  SP,
  STACK_TOP,
} from "./builder.ts";
import {
  BASED,
  BEYOND,
  CODE_16,
  DOWN,
  EDGE,
  EDGE_SIZE,
  FLAT,
  FLAT_CS,
  LIMITED,
  READ_ONLY_DATA,
  READONLY,
  SCRATCH,
  SLOT_BACKWARD,
  SLOT_CODE,
  SLOT_FORWARD,
  STACK_16,
} from "./layout.ts";
import { arithmetic, FPU_PREPARE } from "./fpu.ts";
import { corner } from "./values.ts";

export type Prepare = (b: CaseBuilder) => void;

const COUNTS = [...Array.from({ length: 34 }, (_, i) => i), 63, 64, 255];

/** Selectors of every kind that both worlds agree about: good, null, wrong, beyond the LDT. */
const SELECTORS = [
  ...[FLAT, BASED, LIMITED, READ_ONLY_DATA, FLAT_CS, DOWN, STACK_16, CODE_16[1]].map((s) =>
    s.selector
  ),
  FLAT.selector,
  BASED.selector,
  0,
  FLAT.selector & ~3, // RPL 0
  BEYOND,
  0xffff,
];
/** For SS, which the driver needs flat. */
const STACK_SELECTORS = [FLAT, FLAT, READ_ONLY_DATA, FLAT_CS].map((s) => s.selector).concat(
  0,
  FLAT.selector & ~3,
  BEYOND,
  0xffff,
);
const SS = 2;
const selectorFor = (b: CaseBuilder, segment: number) =>
  b.r.pick(segment === SS ? STACK_SELECTORS : SELECTORS);

function shiftCount(b: CaseBuilder): void {
  const n = b.r.oneIn(8) ? b.r.below(256) : b.r.pick(COUNTS);
  const kind = b.form.row.operands.at(-1);
  if (kind === "Ib") b.immediate = n;
  if (kind === "Cb") b.pin(CX, (b.registers[CX] & ~0xff) | n);
}

/** At 16 bits a count above 16 leaves the result undefined; Intel and AMD differ. */
function doubleShift(b: CaseBuilder): void {
  shiftCount(b);
  if (b.form.size === 4) return;
  const byImmediate = b.form.row.operands[2] === "Ib";
  const n = (byImmediate ? b.immediate : b.registers[CX]) & 31;
  if (n <= 16 && (byImmediate || b.state.alone)) return;
  if (b.form.memory) b.ignore(b.target, 2);
  else b.ignoreRegister(b.rm, 0xffff);
}

/** The stack pointer where pushes and pops find room, mostly. */
function stack(b: CaseBuilder): void {
  if (b.pinned.has(SP)) return; // an instruction before this one has chosen it
  const n = b.r.below(100);
  let sp = STACK_TOP - b.r.below(8) * 4;
  if (n >= 80) sp -= b.r.below(4);
  if (n >= 92) sp = b.r.pick([READONLY + 64, EDGE + EDGE_SIZE - b.r.below(12), EDGE + 4]);
  b.stackLinear = sp;
  b.state.pinStack(SP, sp);
}

const pushStack = (b: CaseBuilder, values: [number, number][]) => {
  stack(b); // unless it was chosen already
  let at = b.stackLinear;
  for (const [v, size] of values) {
    b.poke(at, v, size);
    at += size;
  }
};

/** Somewhere no code is, in both worlds. */
const nowhere = (b: CaseBuilder) => 0x20000000 + b.r.below(0x40000000);
const codeTarget = (b: CaseBuilder) => b.r.oneIn(12) ? nowhere(b) : b.state.padTaken;

function relative(b: CaseBuilder): void {
  const wide = b.form.row.operands[0] === "Jz";
  const bytes = wide ? b.form.size : 1;
  const length = b.prefixLength + (b.form.row.map === 1 ? 2 : 1) + bytes;
  const to = (b.r.oneIn(2) ? SLOT_BACKWARD : SLOT_FORWARD) - SLOT_CODE - b.at;
  b.jumpBytes = bytesOf(to - length, bytes);
}

const farPointer = (b: CaseBuilder): [number, number] => {
  // how much of a frame is read before its selector is looked at is up to the processor
  if (b.stackLinear >= EDGE) return [codeTarget(b), FLAT_CS.selector];
  // 16-bit code would run on through other cases
  const selector = b.r.oneIn(4) ? b.r.pick(SELECTORS) : FLAT_CS.selector;
  return [codeTarget(b), selector === CODE_16[1].selector ? 0 : selector];
};

function string(b: CaseBuilder): void {
  const { r } = b;
  const element = b.form.row.arg === 1 ? 1 : b.form.size;
  const down = r.oneIn(2);
  b.state.eflags = (b.state.eflags & ~DF) | (down ? DF : 0);
  const repeat = r.pick([0, 0, 0xf3, 0xf3, 0xf2]);
  if (repeat) b.prefixes.push(repeat);
  const count = r.oneIn(6) ? 0 : r.below(14);
  if (r.oneIn(6)) b.override = r.pick([0, 1, 2, 3, 4, 5]);
  if (r.oneIn(5)) {
    // 16-bit index registers reach the scratch through based segments
    b.addr16 = true;
    b.segments[ES_NUMBER] = BASED;
    if (b.override < 4) b.override = 4;
  }
  // which operand of CMPS is looked at first is up to the processor: one of them must be sound
  const sound = b.form.row.name === "cmps" ? r.pick([SI, DI]) : -1;
  if (sound === SI && !b.addr16) {
    b.override = -1;
    b.segments[DS_NUMBER] = FLAT;
  } else if (sound === SI) b.override = 4;
  else if (sound === DI) b.segments[ES_NUMBER] = b.addr16 ? BASED : FLAT;
  const place = (segment: number, register: number) => {
    const bytes = Math.max(count, 1) * element;
    let at = SCRATCH + r.below(400 - bytes);
    if (sound !== register && r.oneIn(12)) at = EDGE + EDGE_SIZE - r.below(bytes + 1);
    if (sound !== register && r.oneIn(24)) at = READONLY + r.below(64);
    if (down) at += bytes - element;
    return at - (b.segments[segment]?.base ?? 0);
  };
  const set = (register: number, value: number) =>
    b.pin(register, b.addr16 ? (b.registers[register] & ~0xffff) | (value & 0xffff) : value);
  set(CX, count);
  set(SI, place(b.override >= 0 ? b.override : DS_NUMBER, SI));
  set(DI, place(ES_NUMBER, DI));
  // comparisons that go on for a while
  if (/cmps|scas/.test(b.form.row.name) && r.oneIn(2)) {
    b.memory.fill(r.below(2) * 0xff);
    b.registers[AX] = b.memory[0] ? 0xffffffff : 0;
    for (let n = r.below(3); n > 0; n--) b.memory[r.below(400)] ^= 1 << r.below(8);
  }
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
    b.registers[AX] = (b.registers[AX] & 0xffff0000) | high << 8 | al;
    return;
  }
  const negative = (b.registers[AX] >>> (width * 8 - 1)) & 1;
  b.registers[DX] = r.oneIn(3) ? r.below(8) : signed && negative ? 0xffffffff : 0;
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

/** POPF and IRET images: anything but TF, and NT where a return would mean a task. */
const flagsImage = (b: CaseBuilder) => b.r.next() & ~0x104100;

function xlat(b: CaseBuilder): void {
  if (b.r.oneIn(4)) b.override = b.r.pick([0, 1, 2, 3, 4, 5]);
  const base = b.segments[b.override >= 0 ? b.override : DS_NUMBER]?.base ?? 0;
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
    if (b.form.size === 4) b.ignore(b.stackLinear - 2, 2);
  },
  popa(b) {
    stack(b);
    b.partial = "how many registers a POPA that faults has loaded is up to the processor";
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
    if (b.stackLinear >= EDGE) b.partial = "which word of a far return is read first";
    b.immediate &= 0xff;
  },
  iret: (b) => {
    stack(b);
    const [offset, selector] = farPointer(b);
    const n = b.form.size;
    pushStack(b, [[offset, n], [selector, n], [flagsImage(b), n]]);
    if (b.stackLinear >= EDGE) b.partial = "which word of an IRET frame is read first, likewise";
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
    b.segments[DS_NUMBER] = FLAT;
    b.override = DS_NUMBER;
  },
  lsl: selectorOperand,
  verr: selectorOperand,
  verw: selectorOperand,
  int: interruptVector,
  aam: (b) => b.immediate = b.r.oneIn(3) ? 10 : b.r.below(b.r.oneIn(4) ? 2 : 256),
  aad: (b) => b.immediate = b.r.oneIn(3) ? 10 : b.r.below(256),
  shld: doubleShift,
  shrd: doubleShift,
  bound(b) {
    if (b.r.oneIn(2)) return;
    const n = b.form.size;
    b.pin(b.reg, b.r.below(100) - 50);
    b.poke(b.target, b.r.below(100) - 60, n);
    b.poke(b.target + n, b.r.below(100) - 40, n);
  },
};
for (const name of ["rol", "ror", "rcl", "rcr", "shl", "shr", "sar"]) PREPARE[name] = shiftCount;

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

/** Sets up what the instruction needs. */
export function prepare(b: CaseBuilder): void {
  const { name } = b.form.row;
  const specific = PREPARE[name];
  if (specific) specific(b);
  else if (name[0] === "f") arithmetic(b);
}
