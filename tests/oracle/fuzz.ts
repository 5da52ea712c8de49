/** Cases without end: a batch of them for each seed (tests/fuzz/cpu.ts runs them). */
import { Random } from "../random.ts";
import type { Mode } from "./state.ts";
import type { Case } from "./case.ts";
import { allForms, type Form } from "./forms.ts";
import { generateCase, runsIn, stepped } from "./generate.ts";
import { MAX_CASES } from "./layout.ts";
import { fpuForms, pairGenerators, plainForms, randomSequence } from "./sequences.ts";
import { x87Forms } from "./x87_cases.ts";
import { x87StateCase } from "./x87_state.ts";
import { vectorCase, vectorForms, vectorSequence } from "./vector_cases.ts";

function anyMode(r: Random, form: Form): Case {
  const mode: Mode = r.pick(["plain", "plain", "code16", "stack16"]);
  const c = generateCase(r, form, runsIn(form, mode) ? mode : "plain");
  return mode !== "stack16" && r.oneIn(16) ? stepped(r, c) : c;
}

/** What cases are made from. */
function makeSources() {
  const { forms } = allForms();
  return {
    forms,
    plain: plainForms(forms),
    fpu: fpuForms(forms),
    pairs: pairGenerators(forms),
    vectors: vectorForms(),
    x87: x87Forms(),
  };
}
let sources: ReturnType<typeof makeSources> | undefined;

/** The cases of one seed: single instructions in every mode, pairs, and sequences. */
export function casesOf(seed: number): Case[] {
  const r = new Random(seed);
  const { forms, plain, fpu, pairs, vectors, x87 } = sources ??= makeSources();
  return Array.from({ length: MAX_CASES }, () => {
    if (r.oneIn(3)) {
      const c = r.oneIn(3)
        ? vectorSequence(r, vectors)
        : vectorCase(r, r.pick(vectors), r.oneIn(8) ? "code16" : "plain");
      return r.oneIn(32) ? stepped(r, c) : c;
    }
    if (r.oneIn(10)) {
      const c = x87StateCase(r, r.pick(x87));
      return r.oneIn(16) ? stepped(r, c) : c;
    }
    const n = r.below(10);
    return n < 6
      ? anyMode(r, r.pick(forms))
      : n < 8
      ? r.pick(pairs)(r)
      : randomSequence(r, n < 9 ? plain : fpu);
  });
}
