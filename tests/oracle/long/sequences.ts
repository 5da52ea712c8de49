/**
 * Some instructions of 64-bit code in a row, so that what a block makes of its neighbours shows: flags
 * that nobody reads, and places counted from the block's start. Memory operands are relative to RIP.
 */
import type { Random } from "../../random.ts";
import { isVectorForm } from "../excluded.ts";
import type { Form } from "../forms.ts";
import { LONGEST } from "../generate.ts";
import { slotAddress } from "../layout.ts";
import { LongBuilder } from "./builder.ts";
import { codeAddress, type LongCase } from "./case.ts";
import { chooseState } from "./generate.ts";
import { needsPreparing } from "./special.ts";

/** Forms that do the same whatever went before: nothing implied, no flag undefined, no way out. */
export function sequenceForms(forms: readonly Form[]): Form[] {
  return forms.filter(({ row, memory }) =>
    !row.slow && !row.implicitMemory && !row.undefinedFlags && !needsPreparing(row.name) &&
    !(row.map === 0 && row.opcode >= 0xd8 && row.opcode < 0xe0) &&
    !/^(bswap|wait|xchg|cmpxchg8b)$/.test(row.name) && !(memory && /^O/.test(row.operands.join()))
  );
}

/** Number n of a batch: two to five of them. */
export function longSequence(r: Random, forms: readonly Form[], n: number): LongCase {
  const chosen = Array.from({ length: 2 + r.below(4) }, () => r.pick(forms));
  const code: number[] = [];
  let first: LongBuilder | undefined;
  for (const form of chosen) {
    const b = new LongBuilder(r, form, slotAddress(n), codeAddress(n) + code.length, true);
    const bytes = b.encode();
    if (code.length + bytes.length > LONGEST) break;
    code.push(...bytes);
    if (!first || isVectorForm(form.row)) {
      chooseState(b);
      if (first) first.fx = b.fx;
      first ??= b;
    }
  }
  const { registers, memory, fx, ignore } = first!;
  const name = `sequence ${chosen.map((f) => f.row.name).join(" ")}`;
  // misaligned accesses are the single instructions' matter
  const eflags = first!.eflags & ~0x40000;
  return { form: name, code, registers, eflags, memory, fx, undefinedFlags: 0, ignore };
}
