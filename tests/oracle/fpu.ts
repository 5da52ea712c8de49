/** Operands of the x87 and SSE state instructions. */
import type { CaseBuilder } from "./builder.ts";
import { randomFx } from "./fx.ts";
import { SCRATCH } from "./layout.ts";
import { AC } from "./state.ts";
import { PARTIAL } from "./variances.ts";

type Prepare = (b: CaseBuilder) => void;

/** Control words: reserved bits as they read. */
const controlWord = (b: CaseBuilder) => 0x40 | b.r.below(64) | b.r.below(16) << 8;
const statusWord = (b: CaseBuilder) => b.r.next() & 0x7f7f;

function anyState(b: CaseBuilder): void {
  b.state.fx = randomFx(b.r);
}

/** Room for an operand of `bytes`, now and then where it faults. */
function room(b: CaseBuilder, bytes: number): void {
  b.target = b.r.oneIn(10) ? b.pickTarget(bytes) : SCRATCH + b.r.below(512 - bytes + 1);
}

const environmentBytes = (b: CaseBuilder) => b.form.size === 2 ? 14 : 28;

function environment(b: CaseBuilder): void {
  const word = b.form.size;
  b.poke(b.target, controlWord(b), 2);
  b.poke(b.target + word, statusWord(b), 2);
}

/** The instruction and data pointers: AMD and Intel update them at different times. */
function ignorePointers(b: CaseBuilder): void {
  b.ignore(b.target + b.form.size * 3, environmentBytes(b) - b.form.size * 3);
}

function alignedState(b: CaseBuilder): void {
  b.state.eflags &= ~AC; // #AC or #GP, if both are due: it is up to the processor
  b.target = b.r.oneIn(8) ? SCRATCH + b.r.below(64) : SCRATCH;
}

/** Any other x87 instruction: on any state, with a number in memory that its format may hold. */
export function arithmetic(b: CaseBuilder): void {
  anyState(b);
}

/** By the meaning's name. */
export const FPU_PREPARE: Record<string, Prepare> = {
  fnop: anyState,
  wait: anyState,
  fninit: anyState,
  fnclex: anyState,
  fnstcw: anyState,
  fnstsw: anyState,
  fnstsw_ax: anyState,
  fldcw(b) {
    anyState(b);
    b.poke(b.target, controlWord(b), 2);
  },
  fldenv(b) {
    anyState(b);
    b.partial = PARTIAL.order;
    room(b, environmentBytes(b));
    environment(b);
  },
  fnstenv(b) {
    anyState(b);
    b.partial = PARTIAL.order;
    room(b, environmentBytes(b));
    ignorePointers(b);
  },
  frstor(b) {
    anyState(b);
    b.partial = PARTIAL.order;
    room(b, environmentBytes(b) + 80);
    environment(b);
  },
  fnsave(b) {
    anyState(b);
    b.partial = PARTIAL.order;
    room(b, environmentBytes(b) + 80);
    ignorePointers(b);
  },
  fxsave(b) {
    anyState(b);
    b.partial = PARTIAL.order;
    alignedState(b);
    b.ignore(b.target + 5, 19);
    b.ignore(b.target + 28, 4);
    for (let i = 0; i < 8; i++) b.ignore(b.target + 32 + i * 16 + 10, 6);
    b.ignore(b.target + 288, 512 - 288);
  },
  fxrstor(b) {
    anyState(b);
    b.partial = PARTIAL.order;
    alignedState(b);
    const image = randomFx(b.r);
    if (b.r.oneIn(6)) image[27] = 0x80;
    image.forEach((v, i) => b.poke(b.target + i, v, 1));
  },
  ldmxcsr(b) {
    anyState(b);
    b.poke(b.target, (b.r.next() & 0xffff) | (b.r.oneIn(6) ? 0x80000000 : 0), 4);
  },
  stmxcsr: anyState,
};
