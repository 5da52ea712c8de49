/** Generates cases from the instruction table. */
import type { Random } from "../random.ts";
import { FLAG_LETTERS } from "../../jit/isa/rows.ts";
import { FOLLOWED } from "../../jit/isa/undefined.ts";
import { CaseBuilder } from "./builder.ts";
import { type Mode, State, TF } from "./state.ts";
import type { Case } from "./case.ts";
import type { Form } from "./forms.ts";
import { SCRATCH, SLOT_CODE, SLOT_FORWARD } from "./layout.ts";
import { prepare } from "./special.ts";

/** EFLAGS bits of the table's flag letters. */
const FLAG_BITS = [0x800, 0x80, 0x40, 0x10, 4, 1];
const OF = 0x800;
const ARITHMETIC = 0x8d5;

/** EFLAGS bits of a mask over FLAG_LETTERS. */
export function eflagsMask(mask: number): number {
  return FLAG_BITS.reduce((all, bit, i) => mask >> i & 1 ? all | bit : all, 0);
}
if (FLAG_BITS.length !== FLAG_LETTERS.length) throw new Error("flag letters");

/** Longest code that a slot has room for before its forward target, with the jump to its end. */
export const LONGEST = SLOT_FORWARD - SLOT_CODE - 5;

/** CMP ECX, EDX: overwrites every flag, so that those before it are dead. */
export const KILL_FLAGS = [0x39, 0xd1];

/** Makes an instruction ready to be encoded. */
export function prepareInstruction(b: CaseBuilder): void {
  const { form, r } = b;
  const { row } = form;
  const lock = row.lock && form.memory && !b.addressing && r.oneIn(6);
  if (lock) b.prefixes.push(0xf0);
  if (form.memory && (lock || row.name === "xchg")) {
    b.aligned = true;
    b.target = SCRATCH + (r.below(200) & -Math.max(b.width, 4));
  }
  b.undefinedFlags = eflagsMask(row.undefinedFlags);
  prepare(b);
  refineUndefined(b);
}

/** A case of some instructions that start from a state. */
export function makeCase(
  form: string,
  code: number[],
  state: State,
  undefinedFlags: number,
): Case {
  const { registers, eflags, memory, segments, fx, ignore } = state;
  const [es, , ss, ds] = segments.map((s) => s?.selector ?? 0);
  const code16 = state.mode === "code16";
  const common = { registers, eflags, ds, es, ss, code16, memory, fx, undefinedFlags, ignore };
  return { form, code, steps: 0, followedFlags: 0, ...common };
}

/**
 * A case with TF set when it begins, ended by one of the single-step traps that follow: after its first
 * instruction mostly, or after some iterations of a repeated one. The first trap of all comes before it.
 */
export function stepped(r: Random, c: Case): Case {
  const several = c.form.startsWith("sequence") || c.code.some((b) => b === 0xf2 || b === 0xf3);
  const steps = several ? 1 + r.below(6) : r.oneIn(16) ? 3 : r.oneIn(6) ? 2 : 1;
  return { ...c, form: `${c.form} (stepped)`, eflags: c.eflags | TF, steps };
}

/** Near transfers whose target depends on where the case will lie. */
const ABSOLUTE_NEAR = /^(ret|ret_far|iret|call_indirect|jmp_indirect|(call|jmp)_far(_indirect)?)$/;

/** True if the driver can follow a form in a mode. */
export function runsIn({ row, size }: Form, mode: Mode): boolean {
  if (mode === "code16") {
    // 66 would be there for the operand size, and makes another instruction of some
    return !ABSOLUTE_NEAR.test(row.name) && !(row.prefix === "np" && size === 4);
  }
  if (mode !== "stack16") return true;
  const loaded = row.name === "mov_to_sreg" ? row.reg : row.arg;
  return !/^(mov_to_sreg|pop_sreg|load_far)$/.test(row.name) || loaded !== 2;
}

/** One case of a form. */
export function generateCase(r: Random, form: Form, mode: Mode = "plain"): Case {
  const state = new State(r, true, false, mode);
  state.maybeCheckAlignment(r);
  const b = new CaseBuilder(r, form, state);
  prepareInstruction(b);
  const code = b.encode();
  let undefinedFlags = b.undefinedFlags;
  // flags that nobody reads: the variant of the handler that does not compute them
  if (form.row.noFlags && r.oneIn(3)) {
    code.push(...KILL_FLAGS);
    undefinedFlags = 0;
  }
  if (code.length > (mode === "code16" ? LONGEST - 3 : LONGEST)) {
    throw new Error(`${form.name}: ${code.length} bytes`);
  }
  const name = mode === "plain" ? form.name : `${form.name} (${mode})`;
  const followedFlags = undefinedFlags & followedMask(form.row.name);
  return { ...makeCase(name, code, state, undefinedFlags), followedFlags };
}

/** EFLAGS bits that the manual leaves undefined after an instruction and in which we follow processors. */
function followedMask(name: string): number {
  const letters = [...FOLLOWED[name] ?? ""];
  return eflagsMask(letters.reduce((m, c) => m | 1 << FLAG_LETTERS.indexOf(c), 0));
}

/** Shifts leave flags undefined by their count. */
function refineUndefined(b: CaseBuilder): void {
  const { row } = b.form;
  if (!/^(rol|ror|rcl|rcr|shl|shr|sar|shld|shrd)$/.test(row.name)) return;
  const kind = row.operands.at(-1);
  if (kind === "Cb" && !b.state.alone) {
    // the count may be anything by then
    b.undefinedFlags |= /^sh/.test(row.name) ? ARITHMETIC : OF;
    return;
  }
  const raw = kind === "Ib" ? b.immediate : kind === "Cb" ? b.registers[1] : 1;
  const count = raw & 31;
  const bits = (row.operands[0] === "Eb" ? 1 : b.form.size) * 8;
  if (count === 0) b.undefinedFlags = 0;
  else if (count === 1) b.undefinedFlags &= ~OF;
  // CF is undefined where more is shifted out than there is
  else if (count > bits || (count === bits && /sh[lr]d/.test(row.name))) {
    if (/^sh/.test(row.name)) b.undefinedFlags |= 1;
  }
  if (count > bits && /sh[lr]d/.test(row.name)) b.undefinedFlags |= ARITHMETIC;
}
