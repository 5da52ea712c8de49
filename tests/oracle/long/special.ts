/** What an instruction's operands must be for it to do something worth comparing, in 64-bit code. */
import { EDGE, EDGE_SIZE, READONLY, SCRATCH, SLOT_BACKWARD, SLOT_FORWARD } from "../layout.ts";
import { STACK_TOP } from "../state.ts";
import { corner, memoryOffset } from "../values.ts";
import { AX, BP, BX, CX, DI, DX, type LongBuilder, SI, SP } from "./builder.ts";
import { LONG_FPU_PREPARE } from "./fpu.ts";
import { canonical, corner64, farAddress } from "./values.ts";

export type LongPrepare = (b: LongBuilder) => void;

const AC = 0x40000, DF = 0x400;
const COUNTS = [...Array.from({ length: 66 }, (_, i) => i), 127, 128, 255];

function shiftCount(b: LongBuilder): void {
  const n = b.r.oneIn(8) ? b.r.below(256) : b.r.pick(COUNTS);
  const kind = b.form.row.operands.at(-1);
  if (kind === "Ib") b.immediate = BigInt(n);
  if (kind === "Cb") b.pin(CX, (b.registers[CX] & ~0xffn) | BigInt(n));
}

/** At 16 bits a count above 16 leaves the result undefined; Intel and AMD differ. */
function doubleShift(b: LongBuilder): void {
  shiftCount(b);
  if (b.form.size !== 2) return;
  const count = b.form.row.operands[2] === "Ib" ? b.immediate : b.registers[CX];
  if ((count & 31n) <= 16n) return;
  if (b.form.memory) b.ignore.memory.push([Number(b.target), 2]);
  else b.ignore.registers[b.rm] = 0xffffn;
}

function division(b: LongBuilder): void {
  const { r } = b;
  const signed = b.form.row.name === "idiv";
  const width = b.form.row.operands[0] === "Eb" ? 1 : b.form.size;
  if (r.oneIn(8)) b.setOperand(0, width);
  if (r.oneIn(4)) return;
  const negative = signed && b.registers[AX] >> BigInt(width * 8 - 1) & 1n;
  const high = r.oneIn(3) ? BigInt(r.below(8)) : negative ? ~0n : 0n;
  if (width > 1) b.registers[DX] = BigInt.asUintN(64, high);
  else b.registers[AX] = (b.registers[AX] & ~0xff00n) | (high & 0xffn) << 8n;
}

function bitOffset(b: LongBuilder): void {
  const { r, form } = b;
  if (form.row.operands[1] === "Ib" || !form.memory) return;
  const locked = b.prefixes.includes(0xf0);
  b.target = BigInt(SCRATCH + 200 + (locked ? r.below(8) * 8 : r.below(64)));
  let offset = BigInt(r.below(3000) - 1500);
  if (r.oneIn(16)) {
    // far enough for all that is the process's own
    offset = form.size === 2 ? BigInt(r.below(0x8000)) : BigInt(r.next() >>> 1 | 1 << 28);
    if (form.size === 8 && r.oneIn(2)) offset = BigInt((r.next() | 1 << 30) >> 0) << 31n;
  }
  const keep = r.oneIn(2) ? b.registers[b.reg] : 0n;
  const mask = (1n << BigInt(form.size * 8)) - 1n;
  b.pin(b.reg, (keep & ~mask) | (offset & mask));
}

/** The stack pointer where pushes and pops find room, mostly. */
function stack(b: LongBuilder): number {
  const { r } = b;
  const n = r.below(100);
  let sp = STACK_TOP - r.below(8) * 8;
  if (n >= 80) sp -= r.below(8);
  if (n >= 92) sp = r.pick([READONLY + 64, EDGE + EDGE_SIZE - r.below(20), EDGE + 8]);
  b.setStack(n >= 97 ? farAddress(r) : sp);
  return sp;
}

function pushStack(b: LongBuilder, value: bigint | number): void {
  b.poke(stack(b), value, 8);
}

const forward = (b: LongBuilder) => b.slot + SLOT_FORWARD;
/** Somewhere no code is, in both worlds. */
const nowhere = (b: LongBuilder) => BigInt(0x20000000 + b.r.below(0x40000000));
const codeTarget = (b: LongBuilder) =>
  b.r.oneIn(12) ? b.r.oneIn(2) ? nowhere(b) : farAddress(b.r) : BigInt(forward(b));

function relative(b: LongBuilder): void {
  b.jump = b.r.oneIn(2) ? forward(b) : b.slot + SLOT_BACKWARD;
}

function loop(b: LongBuilder): void {
  b.pin(CX, b.r.pick([0n, 1n, 2n, 1n << 32n, (1n << 32n) + 1n, 0xffffffffn, corner64(b.r)]));
  relative(b);
}

function indirect(b: LongBuilder): void {
  b.setOperand(codeTarget(b), 8);
  if (!b.form.memory) b.pinned.add(b.rm);
}

function accumulatorEquals(b: LongBuilder): void {
  if (!b.r.oneIn(2)) return;
  const width = b.form.row.operands[0] === "Eb" ? 1 : b.form.size;
  b.setRegister(AX, b.operand(width), width);
  b.pinned.add(AX);
}

/** RSI, RDI, RCX, DF and a REP prefix: mostly within the scratch, sometimes into a fault. */
function string(b: LongBuilder): void {
  const { r } = b;
  const element = b.form.row.arg === 1 ? 1 : b.form.size;
  const down = r.oneIn(2);
  b.eflags = (b.eflags & ~DF) | (down ? DF : 0);
  const repeat = r.pick([0, 0, 0xf3, 0xf3, 0xf2]);
  if (repeat) b.prefixes.push(repeat);
  const count = r.oneIn(6) ? 0 : r.below(14);
  b.override = r.oneIn(6) ? 0x64 : 0;
  // which operand of CMPS is looked at first is up to the processor: one of them must be sound
  const sound = b.form.row.name === "cmps" ? r.pick([SI, DI]) : -1;
  if (sound >= 0) b.eflags &= ~AC;
  const place = (register: number) => {
    const length = Math.max(count, 1) * element;
    let at = SCRATCH + r.below(400 - length);
    if (sound !== register && r.oneIn(12)) at = EDGE + EDGE_SIZE - r.below(length + 1);
    if (sound !== register && r.oneIn(24)) at = READONLY + r.below(64);
    if (down) at += length - element;
    const base = register === SI && b.override ? 0x0800a000 : 0;
    if (!b.addr32 && sound !== register && r.oneIn(32)) return farAddress(r);
    return BigInt(at - base) | (b.addr32 ? BigInt(r.next()) << 32n : 0n);
  };
  b.pin(CX, BigInt(count) | (b.addr32 ? BigInt(r.next()) << 32n : 0n));
  b.pin(SI, place(SI));
  b.pin(DI, place(DI));
  // comparisons that go on for a while
  if (/cmps|scas/.test(b.form.row.name) && r.oneIn(2)) {
    b.memory.fill(r.below(2) * 0xff);
    b.registers[AX] = b.memory[0] ? ~0n : 0n;
    for (let n = r.below(3); n > 0; n--) b.memory[r.below(400)] ^= 1 << r.below(8);
  }
}

/** By the meaning's name. */
const PREPARE: Record<string, LongPrepare> = {
  ...LONG_FPU_PREPARE,
  div: division,
  idiv: division,
  bt: bitOffset,
  bts: bitOffset,
  btr: bitOffset,
  btc: bitOffset,
  cmpxchg: accumulatorEquals,
  cmpxchg8b(b) {
    if (b.r.oneIn(8)) return;
    const n = b.form.size;
    if (n === 8 && !b.r.oneIn(8)) b.target &= ~15n;
    if (b.r.oneIn(2)) {
      b.pin(AX, b.peek(b.target, n));
      b.pin(DX, b.peek(b.target + BigInt(n), n));
    }
  },
  xlat(b) {
    const base = b.override === 0x64 ? 0x0800a000n : 0n;
    b.override = base ? 0x64 : 0;
    b.pin(BX, b.pickTarget(1) - base - (b.registers[AX] & 0xffn));
  },
  maskmovq: (b) => b.pin(DI, b.pickWhole(8)),
  maskmovdqu: (b) => b.pin(DI, b.pickWhole(16)),
  movs: string,
  cmps: string,
  stos: string,
  lods: string,
  scas: string,
  push: stack,
  pop: stack,
  pushf: stack,
  push_sreg(b) {
    // how many bytes of the word are written is up to the processor
    b.ignore.memory.push([stack(b) - 6, 6]);
    b.eflags &= ~AC;
  },
  // anything but TF and NT
  popf: (b) => pushStack(b, b.r.next() & ~0x104100),
  enter(b) {
    stack(b);
    b.pin(BP, STACK_TOP + 32 - b.r.below(16) * 8);
    b.immediate = BigInt(b.r.oneIn(8) ? b.r.below(0x400) : b.r.below(64));
    b.immediate2 = b.r.oneIn(3) ? b.r.below(256) : b.r.below(5);
  },
  leave(b) {
    stack(b);
    b.pin(BP, b.registers[SP]);
    b.registers[SP] = corner64(b.r);
  },
  ret(b) {
    pushStack(b, codeTarget(b));
    b.immediate &= 0xffn;
  },
  call(b) {
    stack(b);
    relative(b);
  },
  jmp: relative,
  jcc: relative,
  loop,
  loope: loop,
  loopne: loop,
  jcxz: loop,
  call_indirect(b) {
    stack(b);
    if (!b.form.memory && b.rm === SP) b.rm = BX;
    indirect(b);
    // whether the push or the jump faults, if both must, is up to the processor
    const known = !b.form.memory || [0n, 7n].every((n) => memoryOffset(Number(b.target + n)) >= 0);
    if (!known || !canonical(b.operand(8))) b.setStack(STACK_TOP - 64);
  },
  jmp_indirect: indirect,
  shld: doubleShift,
  shrd: doubleShift,
};
for (const name of ["rol", "ror", "rcl", "rcr", "shl", "shr", "sar"]) PREPARE[name] = shiftCount;

/** True if an instruction wants operands of its own. */
export function needsPreparing(name: string): boolean {
  return name in PREPARE;
}

/** Sets up what the instruction needs. */
export function prepareLong(b: LongBuilder): void {
  const { row } = b.form;
  // the state instructions' own rules come after, and may take it back
  PREPARE[row.name]?.(b);
  if (row.name === "bswap" && b.form.size === 2) b.ignore.registers[b.reg] = 0xffffn;
  b.immediate2 ||= corner(b.r) & 255;
}
