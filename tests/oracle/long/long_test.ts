/**
 * 64-bit code against the host's processor: every form of the instruction table at its operand sizes, with
 * REX, RIP-relative and 64-bit addresses, in the build that knows it.
 */
import { Random } from "../../random.ts";
import { LONG_CASES } from "../counts.ts";
import { MAX_CASES } from "../layout.ts";
import { assertNothing } from "../processor.ts";
import { longForms } from "./forms.ts";
import { longBatches } from "./generate.ts";
import { loopCase } from "./loops.ts";
import { RUNS_LONG } from "./native.ts";
import { longSequence, sequenceForms } from "./sequences.ts";
import { compareLong } from "./session.ts";
import { toldOfStacks } from "./stack.ts";
import { LongWorld } from "./world.ts";

const CASES = Number(Deno.env.get("CASES") ?? LONG_CASES);
const SEED = Number(Deno.env.get("SEED") ?? 20260722);
const ONLY = new RegExp(Deno.env.get("ONLY") ?? "");
const LOOPS = 150;
const SEQUENCES = 3 * MAX_CASES;

function tellOfStacks(): void {
  const told = toldOfStacks();
  if (told) console.log(`oracle: ${told}`);
}

if (!RUNS_LONG) {
  console.log("oracle: this host runs no x86-64 Linux programs: 64-bit code is not compared");
}

Deno.test({
  name: "each form of 64-bit code does what the host's processor does",
  ignore: !RUNS_LONG,
  async fn() {
    const { forms, excluded } = longForms();
    const chosen = forms.filter((f) => ONLY.test(f.name));
    const world = await LongWorld.create();
    const findings = new Map<string, string[]>();
    let cases = 0;
    try {
      for (const batch of longBatches(new Random(SEED), chosen, CASES)) {
        await compareLong(world, batch, findings);
        cases += batch.length;
      }
    } finally {
      world.close();
    }
    tellOfStacks();
    assertNothing(findings, SEED);
    console.log(`oracle: ${cases} cases of ${chosen.length} forms of 64-bit code agree`);
    for (const [why, names] of excluded) {
      console.log(`oracle: left out ${names.length} in 64-bit code: ${why}`);
    }
  },
});

Deno.test({
  name: "instructions and loops of 64-bit code do in a row what the host's processor does",
  ignore: !RUNS_LONG,
  async fn() {
    const r = new Random(SEED);
    const forms = sequenceForms(longForms().forms);
    const world = await LongWorld.create();
    const findings = new Map<string, string[]>();
    try {
      await compareLong(world, Array.from({ length: LOOPS }, () => loopCase(r)), findings);
      for (let at = 0; at < SEQUENCES; at += MAX_CASES) {
        const batch = Array.from({ length: MAX_CASES }, (_, n) => longSequence(r, forms, n));
        await compareLong(world, batch, findings);
      }
    } finally {
      world.close();
    }
    tellOfStacks();
    assertNothing(findings, SEED);
    console.log(`oracle: ${SEQUENCES} sequences of ${forms.length} forms of 64-bit code agree`);
  },
});
