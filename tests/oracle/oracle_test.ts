/**
 * The host's processor as oracle: cases generated from the instruction table run natively and in the
 * interpreter, and everything they leave is compared.
 */
import assert from "node:assert/strict";
import { Random } from "../random.ts";
import type { Mode } from "./state.ts";
import type { Case } from "./case.ts";
import { CASES_PER_FORM, STEPPED_CASES } from "./counts.ts";
import { allForms } from "./forms.ts";
import { generateCase, runsIn, stepped } from "./generate.ts";
import { runsI386 } from "../i386.ts";
import { GuestWorld, runNatively } from "./run.ts";
import { fpuForms, pairGenerators, plainForms, randomSequence } from "./sequences.ts";
import { assertNothing } from "./processor.ts";
import { runCases } from "./session.ts";
import { tried } from "./tried.ts";
import { takeVariances } from "./variances.ts";

const MODES = Object.keys(CASES_PER_FORM) as Mode[];
const CASES_PER_PAIR = 8;
const SEQUENCES = 8000;
const FPU_SEQUENCES = 4000;
const STEPPED_SEQUENCES = 4000;
const SEED = 20260721;

const native = await runsI386();
if (!native) {
  console.log(
    "oracle: this host's kernel runs no i386 programs: instructions are compared with what a processor " +
      "answered once (recorded_test.ts), not with this one's",
  );
}

Deno.test("the oracle runs wherever i386 programs do", async () => {
  assert.deepEqual(native ? await runNatively([]) : [], []);
});

Deno.test({
  name: "each instruction form does what the host's processor does",
  ignore: !native,
  async fn() {
    const r = new Random(SEED);
    const { forms, excluded } = allForms();
    let count = 0;
    function* cases(): Generator<Case> {
      for (const mode of MODES) {
        for (const form of forms.filter((f) => runsIn(f, mode))) {
          for (let n = CASES_PER_FORM[mode]; n > 0; n--) yield generateCase(r, form, mode);
          for (let n = STEPPED_CASES[mode]; n > 0; n--) {
            yield stepped(r, generateCase(r, form, mode));
          }
          count += CASES_PER_FORM[mode] + STEPPED_CASES[mode];
        }
      }
    }
    const world = await GuestWorld.create();
    try {
      assertNothing(await runCases(world, tried(cases())), SEED);
    } finally {
      world.close();
    }
    for (const line of takeVariances()) console.log(`oracle: ${line}`);
    console.log(`oracle: ${count} cases of ${forms.length} forms agree`);
    for (const [why, names] of excluded) console.log(`oracle: left out ${names.length}: ${why}`);
  },
});

Deno.test({
  name: "instructions in a row do what the host's processor does",
  ignore: !native,
  async fn() {
    const r = new Random(SEED);
    const { forms } = allForms();
    const plain = plainForms(forms);
    const fpu = fpuForms(forms);
    const pairs = pairGenerators(forms);
    const cases: Case[] = [
      ...pairs.flatMap((make) => Array.from({ length: CASES_PER_PAIR }, () => make(r))),
      ...Array.from({ length: SEQUENCES }, () => randomSequence(r, plain)),
      ...Array.from({ length: FPU_SEQUENCES }, () => randomSequence(r, fpu)),
      ...Array.from({ length: STEPPED_SEQUENCES }, () => stepped(r, randomSequence(r, plain))),
    ];
    const world = await GuestWorld.create();
    try {
      assertNothing(await runCases(world, tried(cases)), SEED);
    } finally {
      world.close();
    }
    for (const line of takeVariances()) console.log(`oracle: ${line}`);
    console.log(`oracle: ${cases.length} sequences agree, ${pairs.length} pairs among them`);
  },
});
