/** Where stacks, jumps and selectors of a case may lead. */
import { bytesOf, type CaseBuilder } from "./builder.ts";
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
  SLOT_BACKWARD,
  SLOT_CODE,
  SLOT_FORWARD,
  STACK_16,
} from "./layout.ts";
import { SP, SS, STACK_TOP } from "./state.ts";

/** Selectors of every kind that both worlds agree about: good, null, wrong, beyond the LDT. */
export const SELECTORS = [
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
export const selectorFor = (b: CaseBuilder, segment: number) =>
  b.r.pick(segment === SS ? STACK_SELECTORS : SELECTORS);

/** The stack pointer where pushes and pops find room, mostly. */
export function stack(b: CaseBuilder): void {
  if (b.pinned.has(SP)) return; // an instruction before this one has chosen it
  const n = b.r.below(100);
  let sp = STACK_TOP - b.r.below(8) * 4;
  if (n >= 80) sp -= b.r.below(4);
  if (n >= 92) sp = b.r.pick([READONLY + 64, EDGE + EDGE_SIZE - b.r.below(12), EDGE + 4]);
  b.stackLinear = sp;
  b.state.pinStack(SP, sp);
}

export const pushStack = (b: CaseBuilder, values: [number, number][]) => {
  stack(b); // unless it was chosen already
  let at = b.stackLinear;
  for (const [v, size] of values) {
    b.poke(at, v, size);
    at += size;
  }
};

/** Somewhere no code is, in both worlds. */
export const nowhere = (b: CaseBuilder) => 0x20000000 + b.r.below(0x40000000);
export const codeTarget = (b: CaseBuilder) => b.r.oneIn(12) ? nowhere(b) : b.state.padTaken;

export function relative(b: CaseBuilder): void {
  const wide = b.form.row.operands[0] === "Jz";
  const bytes = wide ? b.form.size : 1;
  const length = b.prefixLength + (b.form.row.map === 1 ? 2 : 1) + bytes;
  const to = (b.r.oneIn(2) ? SLOT_BACKWARD : SLOT_FORWARD) - SLOT_CODE - b.at;
  b.jumpBytes = bytesOf(to - length, bytes);
}

export const farPointer = (b: CaseBuilder): [number, number] => {
  // how much of a frame is read before its selector is looked at is up to the processor
  if (b.stackLinear >= EDGE) return [codeTarget(b), FLAT_CS.selector];
  // 16-bit code would run on through other cases
  const selector = b.r.oneIn(4) ? b.r.pick(SELECTORS) : FLAT_CS.selector;
  return [codeTarget(b), selector === CODE_16[1].selector ? 0 : selector];
};
