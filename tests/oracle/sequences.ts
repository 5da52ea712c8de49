/**
 * Cases of several instructions in a row: what one leaves to the next, flags that are dead in between,
 * faults and jumps in the middle of a block, and the pairs that have a handler of their own.
 */
import { PLACE_BASE, PLACE_INDEXED } from "../../jit/isa/forms.ts";
import { type Handler, handlerPlan, SPECIAL } from "../../jit/isa/plan.ts";
import type { Random } from "../random.ts";
import { type Addressing, CaseBuilder } from "./builder.ts";
import { AX, CX, DI, DX, SI, SP, State } from "./state.ts";
import type { Case } from "./case.ts";
import type { Form } from "./forms.ts";
import { eflagsMask, KILL_FLAGS, LONGEST, makeCase, prepareInstruction } from "./generate.ts";

/** Instructions that may stand in the middle of a sequence. */
const PLAIN = new Set(
  ("add or adc sbb and sub xor cmp test inc dec neg not mov movzx movsx lea xchg xadd cmpxchg " +
    "bswap cbw cwd mul imul1 imul2 imul3 div idiv shl shr sar rol ror rcl rcr shld shrd bt bts " +
    "btr btc bsf bsr setcc cmov lahf sahf clc stc cmc cld std salc daa das aaa aas aad push pop " +
    "pushf movnti cmpxchg8b jcc nop").split(" "),
);

/** Instructions that use the stack. */
const STACK = /^(push|pop|call|ret|leave|enter)/;

/** Operands whose contents are not compared as a whole. */
const LARGE = /^(fldenv|fnstenv|frstor|fnsave|fxsave|fxrstor)$/;

/** Registers that change without standing among the operands. */
const IMPLICIT: Record<string, number[]> = {
  mul: [AX, DX],
  imul1: [AX, DX],
  div: [AX, DX],
  idiv: [AX, DX],
  cwd: [DX],
  cmpxchg: [AX],
  cmpxchg8b: [AX, DX],
  lahf: [AX],
  fnstsw_ax: [AX],
  salc: [AX],
  daa: [AX],
  das: [AX],
  aaa: [AX],
  aas: [AX],
  aad: [AX],
  movs: [SI, DI, CX],
};

/** EFLAGS bits that conditions 0, 2, 4 … and their opposites read. */
const OF = 0x800, SF = 0x80, ZF = 0x40, PF = 4, CF = 1;
const CONDITION_READS = [OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF];

function flagsRead(form: Form): number {
  const { row } = form;
  return /^(jcc|setcc|cmov)$/.test(row.name)
    ? CONDITION_READS[row.arg >> 1]
    : eflagsMask(row.reads);
}

/** Marks what an instruction changes, so that no later address is built on it. */
function noteChanges(b: CaseBuilder): void {
  const { row, memory } = b.form;
  const byte = (n: number, o: string) => o[1] === "b" ? n & 3 : n;
  for (const o of row.operands) {
    if ("GZ".includes(o[0])) b.state.changed.add(byte(b.reg, o));
    if (o[0] === "E" && !memory) b.state.changed.add(byte(b.rm, o));
    if (o[0] === "A" && o !== "Ap") b.state.changed.add(AX);
  }
  for (const n of IMPLICIT[row.name] ?? []) b.state.changed.add(n);
  if (STACK.test(row.name)) b.state.pinned.add(SP);
}

/** One instruction of a sequence. */
interface Step {
  form: Form;
  addressing: Addressing;
}

/**
 * A case of these instructions, or null where they don't fit together: too long, or one reads a flag
 * that another leaves undefined.
 */
function sequence(r: Random, name: string, steps: Step[], killFlags: boolean): Case | null {
  const state = new State(r, false, steps.some((s) => s.addressing !== null) || r.oneIn(2));
  state.maybeCheckAlignment(r);
  const builders: CaseBuilder[] = [];
  const code: number[] = [];
  let undefinedNow = 0;
  let undefinedEver = 0;
  for (const { form, addressing } of steps) {
    const b = new CaseBuilder(r, form, state, code.length, addressing);
    if (flagsRead(form) & undefinedNow) return null;
    // a stack pointer that is not one could lead to the driver
    if (STACK.test(form.row.name) && state.changed.has(SP)) return null;
    prepareInstruction(b);
    undefinedNow = (undefinedNow & ~eflagsMask(form.row.writes)) | b.undefinedFlags;
    undefinedEver |= undefinedNow;
    code.push(...b.encode());
    noteChanges(b);
    builders.push(b);
  }
  const { ignore } = state;
  if (ignore.partial || ignore.memory.length || ignore.registers.some((m) => m)) return null;
  if (killFlags) code.push(...KILL_FLAGS);
  if (code.length > LONGEST) return null;
  return makeCase(name, code, state, undefinedEver);
}

function until(make: () => Case | null): Case {
  for (let i = 0; i < 200; i++) {
    const c = make();
    if (c) return c;
  }
  throw new Error("no sequence fits");
}

/** Two to four instructions at random. */
export function randomSequence(r: Random, forms: readonly Form[]): Case {
  return until(() => {
    const steps = Array.from(
      { length: 2 + r.below(3) },
      () => ({ form: r.pick(forms), addressing: null }),
    );
    const name = "sequence " + steps.map((s) => s.form.row.name).join(" ");
    return sequence(r, name, steps, r.oneIn(4));
  });
}

/** Forms that sequences are made of. */
export function plainForms(forms: readonly Form[]): Form[] {
  return forms.filter((f) => PLAIN.has(f.row.name));
}

/** Forms of the FPU: an exception of one is raised by the next. */
export function fpuForms(forms: readonly Form[]): Form[] {
  return forms.filter((f) => /^(f|wait)/.test(f.row.name) && !LARGE.test(f.row.name));
}

/** The forms that a handler serves. */
function formsOf(h: Handler, forms: readonly Form[]): Step[] {
  const addressing = h.place === PLACE_BASE ? "base" : h.place === PLACE_INDEXED ? "indexed" : null;
  const { handlers, rows } = handlerPlan();
  const number = handlers.indexOf(h) + SPECIAL.length;
  return forms.filter((f) =>
    f.memory === (addressing !== null) && f.size === (h.size === 2 ? 2 : 4) &&
    rows.some((p) => p.row === f.row && p.forms.includes(number))
  ).map((form) => ({ form, addressing }));
}

/** A generator of cases for each pair with a handler of its own. */
export function pairGenerators(forms: readonly Form[]): ((r: Random) => Case)[] {
  return handlerPlan().pairs.map(({ first, second }) => {
    const a = formsOf(first, forms), b = formsOf(second, forms);
    const name = `pair ${first.key} + ${second.key}`;
    if (!a.length || !b.length) throw new Error(`${name}: no form`);
    return (r: Random) =>
      until(() => sequence(r, name, [r.pick(a), r.pick(b)], second.noFlags || r.oneIn(4)));
  });
}
