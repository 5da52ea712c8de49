/** State and operands of x87 and SSE state instructions in 64-bit code. */
import { randomFx } from "../fx.ts";
import { SCRATCH } from "../layout.ts";
import type { LongBuilder } from "./builder.ts";

const AC = 0x40000;
const ORDER_OF_WORDS = true; // which word of a large operand is touched first is up to the processor

const controlWord = (b: LongBuilder) => 0x40 | b.r.below(64) | b.r.below(16) << 8;
const statusWord = (b: LongBuilder) => b.r.next() & 0x7f7f;
const environmentBytes = (b: LongBuilder) => b.form.size === 2 ? 14 : 28;
const word = (b: LongBuilder) => b.form.size === 2 ? 2 : 4;

/** Room for an operand of `length`, now and then where it faults. */
function room(b: LongBuilder, length: number): void {
  b.ignore.partial = ORDER_OF_WORDS;
  b.target = b.r.oneIn(10) ? b.pickWhole(length) : BigInt(SCRATCH + b.r.below(512 - length + 1));
}

function environment(b: LongBuilder, length: number): void {
  room(b, length);
  b.poke(b.target, controlWord(b), 2);
  b.poke(b.target + BigInt(word(b)), statusWord(b), 2);
}

/** The instruction and data pointers: AMD and Intel update them at different times. */
function pointers(b: LongBuilder, length: number): void {
  room(b, length);
  const from = word(b) * 3;
  b.ignore.memory.push([Number(b.target) + from, environmentBytes(b) - from]);
}

function alignedState(b: LongBuilder): void {
  b.ignore.partial = ORDER_OF_WORDS;
  b.eflags &= ~AC; // #AC or #GP, if both are due: it is up to the processor
  b.target = BigInt(b.r.oneIn(8) ? SCRATCH + b.r.below(64) : SCRATCH);
}

function tenBytes(b: LongBuilder): void {
  if (b.form.row.operands[0] === "Mx") b.target = b.pickWhole(10);
}

/** By the meaning's name. */
export const LONG_FPU_PREPARE: Record<string, (b: LongBuilder) => void> = {
  fbstp: tenBytes,
  fbld: tenBytes,
  fld: tenBytes,
  fstp: tenBytes,
  fldcw: (b) => b.poke(b.target, controlWord(b), 2),
  fldenv: (b) => environment(b, environmentBytes(b)),
  frstor: (b) => environment(b, environmentBytes(b) + 80),
  fnstenv: (b) => pointers(b, environmentBytes(b)),
  fnsave: (b) => pointers(b, environmentBytes(b) + 80),
  fxsave(b) {
    alignedState(b);
    const at = Number(b.target);
    b.ignore.memory.push([at + 5, 19], [at + 28, 4]);
    for (let i = 0; i < 8; i++) b.ignore.memory.push([at + 32 + i * 16 + 10, 6]);
    b.ignore.memory.push([at + 416, 96]);
  },
  fxrstor(b) {
    alignedState(b);
    const image = randomFx(b.r);
    for (let i = 288; i < 416; i++) image[i] = b.r.below(256);
    if (b.r.oneIn(6)) image[27] = 0x80;
    image.forEach((v, i) => b.poke(b.target + BigInt(i), v, 1));
  },
  ldmxcsr: (b) => b.poke(b.target, (b.r.next() & 0xffff) | (b.r.oneIn(6) ? 0x80000000 : 0), 4),
};
