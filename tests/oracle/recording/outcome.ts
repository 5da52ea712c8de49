/** What became of a case, as differences from what it started from. */
import type { Case, Outcome } from "../case.ts";
import { comparable } from "../fx.ts";
import {
  BASED,
  code16,
  EDGE,
  EXIT_FAULT,
  FX_SIZE,
  LIMITED,
  MEMORY_SIZE,
  SCRATCH,
  SCRATCH_SIZE,
  SLOT_CODE,
  slotAddress,
} from "../layout.ts";
import type { Columns } from "./columns.ts";

/** EIP of a case's first byte. */
function start(c: Case): number {
  const slot = slotAddress(c.slot!);
  return slot + SLOT_CODE - (c.code16 ? code16(slot).base : 0);
}

/** Small numbers for small differences either way. */
const fold = (d: number) => ((d << 1) ^ (d >> 31)) >>> 0;
const unfold = (n: number) => (n >>> 1) ^ -(n & 1);

/** Bytes that changed, in runs: how many unchanged ones, how many changed, these. */
function changes(x: Columns, name: string, from: Uint8Array, to: Uint8Array): Uint8Array {
  const out = from.slice();
  const gap = `${name}.gap`, run = `${name}.run`;
  for (let at = 0; at < from.length;) {
    let begin = at;
    while (begin < from.length && from[begin] === to[begin]) begin++;
    let end = begin;
    while (end < from.length && from[end] !== to[end]) end++;
    begin = at + x.number(gap, begin - at);
    if (begin >= from.length) break;
    end = begin + x.number(run, end - begin);
    for (at = begin; at < end; at++) out[at] = x.byte(name, to[at]);
  }
  return out;
}

const FX_FSW = 2, FX_ST = 32, FX_REGISTER = 16, REGISTERS = 8;

const topOf = (fx: Uint8Array) => fx[FX_FSW + 1] >> 3 & 7;

/**
 * An FXSAVE image whose x87 stack is turned by some places: so that what a push or pop left alone stands where
 * it was.
 */
function turned(fx: Uint8Array, by: number): Uint8Array {
  if (by === 0) return fx;
  const out = fx.slice();
  for (let i = 0; i < REGISTERS; i++) {
    const from = FX_ST + ((i + by) & 7) * FX_REGISTER;
    out.set(fx.subarray(from, from + FX_REGISTER), FX_ST + i * FX_REGISTER);
  }
  return out;
}

/** An outcome of which only what may be compared is left; the rest is as the case has it. */
export function comparablePart(c: Case, o: Outcome): Outcome {
  const registers = o.registers.map((v, i) => {
    const mask = c.ignore.registers[i];
    return (v & ~mask | c.registers[i] & mask) >>> 0;
  });
  const memory = o.memory.slice();
  for (const [from, n] of c.ignore.memory) {
    for (let at = from; at < from + n; at++) {
      const i = at >= EDGE ? at - EDGE + SCRATCH_SIZE : at - SCRATCH;
      if (i >= 0 && i < MEMORY_SIZE) memory[i] = c.memory[i];
    }
  }
  const fx = o.fx.map((v, i) => i < FX_SIZE && comparable(i) ? v : c.fx[i]);
  return { ...o, registers, memory, fx };
}

/**
 * Writes an outcome of a case, or, given columns that read, returns the one that was written; what is given
 * for `o` then does not matter.
 */
export function outcomeIn(x: Columns, c: Case, o: Outcome): Outcome {
  const exit = x.byte("exit", o.exit >= EXIT_FAULT ? 2 + (o.exit & 0xff) : o.exit);
  const faulted = exit >= 2;
  let mask = 0;
  o.registers.forEach((v, i) => v !== c.registers[i] && (mask |= 1 << i));
  mask = x.byte("registers", mask);
  const registers = c.registers.map((v, i) =>
    mask >> i & 1 ? x.word("register", o.registers[i]) : v
  );
  const eflags = (c.eflags ^ x.number("eflags", (c.eflags ^ o.eflags) >>> 0)) >>> 0;
  const before = [c.ds, c.es, BASED.selector, LIMITED.selector];
  const selectors = before.map((s, i) => s ^ x.number("selectors", s ^ o.selectors[i]));
  const number = (name: string, v: number) => faulted ? x.number(name, v) : 0;
  const error = number("error", o.error);
  const at = start(c);
  const eip = faulted ? (at + unfold(x.number("eip", fold((o.eip - at) | 0)))) >>> 0 : 0;
  const pageFault = exit === 2 + 14;
  const cr2 = pageFault ? x.word("cr2", o.cr2) : 0;
  const place = o.signal[2] === 0 ? 0 : o.signal[2] === o.eip ? 1 : 2;
  const address = [0, eip, cr2][number("signal", place)];
  const signal: Outcome["signal"] = [
    number("signal", o.signal[0]),
    number("signal", o.signal[1]),
    address,
  ];
  const memory = changes(x, "memory", c.memory, o.memory);
  const by = x.byte("top", (topOf(c.fx) - topOf(o.fx)) & 7);
  const fx = turned(changes(x, "fx", c.fx, turned(o.fx, by)), -by);
  const exitOf = faulted ? EXIT_FAULT | (exit - 2) : exit;
  return { registers, eflags, exit: exitOf, error, cr2, eip, signal, selectors, memory, fx };
}
