/** Generates cases of 64-bit code from the instruction table. */
import type { Random } from "../../random.ts";
import { isVectorForm } from "../excluded.ts";
import type { Form } from "../forms.ts";
import { initialFx, randomFx } from "../fx.ts";
import { eflagsMask, KILL_FLAGS, LONGEST } from "../generate.ts";
import { MAX_CASES, SCRATCH, slotAddress } from "../layout.ts";
import { fillVector, FX_XMM, randomState } from "../vector_values.ts";
import { LongBuilder } from "./builder.ts";
import { codeAddress, type LongCase } from "./case.ts";
import { prepareLong } from "./special.ts";

const AC = 0x40000, OF = 0x800, ARITHMETIC = 0x8d5;

/** Instructions that do nothing, of several lengths. */
const BEFORE = [[0x90], [0x66, 0x90], [0x48, 0x90], [0x0f, 0x1f, 0x00], [0x90, 0x40, 0x90]];

function x87(form: Form): boolean {
  const { row } = form;
  return row.map === 0 && row.opcode >= 0xd8 && row.opcode < 0xe0 ||
    /^(wait|fx.*|.*mxcsr)$/.test(row.name);
}

/** FPU and vector registers: anything where they matter. */
export function chooseState(b: LongBuilder): void {
  const vector = isVectorForm(b.form.row);
  b.fx.set(x87(b.form) ? randomFx(b.r) : initialFx());
  const view = new DataView(b.fx.buffer);
  if (vector) {
    randomState(b.r, view);
    const memory = new DataView(b.memory.buffer, b.memory.byteOffset);
    fillVector(b.r, memory, 0, 256);
    b.eflags &= ~AC;
  }
  if (vector || x87(b.form)) fillVector(b.r, view, FX_XMM + 128, 128);
}

/** Case number n of a batch. */
export function longCase(r: Random, form: Form, n: number): LongCase {
  // not always first in its block: what is relative to RIP must know
  const before = r.oneIn(2) ? [] : r.pick(BEFORE);
  const b = new LongBuilder(r, form, slotAddress(n), codeAddress(n) + before.length);
  const { row } = form;
  chooseState(b);
  if (form.memory) {
    const lock = row.lock && r.oneIn(6);
    if (lock) b.prefixes.push(0xf0);
    // hosts may trap what is locked and straddles a cache line
    const align = -Math.max(b.width, 4);
    if (lock || row.name === "xchg") b.target = BigInt(SCRATCH + (r.below(200) & align));
  }
  b.undefinedFlags = eflagsMask(row.undefinedFlags);
  prepareLong(b);
  refineUndefined(b);
  const code = [...before, ...b.encode()];
  // flags that nobody reads: the variant of the handler that does not compute them
  if (row.noFlags && r.oneIn(3)) {
    code.push(...KILL_FLAGS);
    b.undefinedFlags = 0;
  }
  if (code.length > LONGEST) throw new Error(`${form.name}: ${code.length} bytes`);
  const { registers, eflags, memory, fx, undefinedFlags, ignore } = b;
  return { form: form.name, code, registers, eflags, memory, fx, undefinedFlags, ignore };
}

/** Shifts leave flags undefined by their count. */
function refineUndefined(b: LongBuilder): void {
  const { row, size } = b.form;
  if (!/^(rol|ror|rcl|rcr|shl|shr|sar|shld|shrd)$/.test(row.name)) return;
  const kind = row.operands.at(-1);
  const raw = kind === "Ib" ? b.immediate : kind === "Cb" ? b.registers[1] : 1n;
  const width = row.operands[0] === "Eb" ? 1 : size;
  const count = Number(raw & (width === 8 ? 63n : 31n));
  const bits = width * 8;
  if (count === 0) b.undefinedFlags = 0;
  else if (count === 1) b.undefinedFlags &= ~OF;
  else if (count > bits || (count === bits && /sh[lr]d/.test(row.name))) {
    if (/^sh/.test(row.name)) b.undefinedFlags |= 1;
  }
  if (count > bits && /sh[lr]d/.test(row.name)) b.undefinedFlags |= ARITHMETIC;
}

/** Batches of cases, `each` for each form. */
export function* longBatches(
  r: Random,
  forms: readonly Form[],
  each: number,
): Generator<LongCase[]> {
  let batch: LongCase[] = [];
  for (const form of forms) {
    for (let i = 0; i < each; i++) {
      batch.push(longCase(r, form, batch.length));
      if (batch.length < MAX_CASES) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length) yield batch;
}
