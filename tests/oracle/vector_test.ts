/** MMX and SSE against the host's processor: registers, MXCSR, flags, memory and faults. */
import type { Case } from "./case.ts";
import { Random } from "../random.ts";
import { CODE16_VECTORS, STEPPED_VECTORS, VECTOR_CASES } from "./counts.ts";
import { stepped } from "./generate.ts";
import { assertNothing } from "./processor.ts";
import { runsI386 } from "../i386.ts";
import { GuestWorld } from "./run.ts";
import { runCases } from "./session.ts";
import { tried } from "./tried.ts";
import { vectorCase, vectorForms, vectorSequence } from "./vector_cases.ts";
import { takeVariances } from "./variances.ts";
import { vectorDifferences } from "./vector_compare.ts";

const CASES_PER_FORM = Number(Deno.env.get("VECTOR_CASES") ?? VECTOR_CASES);
const SEQUENCES = CASES_PER_FORM * 100;
const SEED = Number(Deno.env.get("SEED") ?? 20260721);

Deno.test({
  name: "vector instructions do what the host's processor does",
  ignore: !await runsI386(),
  async fn() {
    const r = new Random(SEED);
    const forms = vectorForms().filter((f) => f.name.match(Deno.env.get("ONLY") ?? ""));
    function* cases(): Generator<Case> {
      for (const f of forms) {
        for (let n = CASES_PER_FORM; n > 0; n--) yield vectorCase(r, f);
        for (let n = CODE16_VECTORS; n > 0; n--) yield vectorCase(r, f, "code16");
        for (let n = STEPPED_VECTORS; n > 0; n--) yield stepped(r, vectorCase(r, f));
      }
      for (let n = SEQUENCES; n > 0; n--) yield vectorSequence(r, forms);
    }
    const world = await GuestWorld.create();
    try {
      assertNothing(await runCases(world, tried(cases()), new Map(), vectorDifferences), SEED);
    } finally {
      world.close();
    }
    for (const line of takeVariances()) console.log(`oracle: ${line}`);
    console.log(
      `oracle: ${
        forms.length * (CASES_PER_FORM + CODE16_VECTORS + STEPPED_VECTORS) + SEQUENCES
      } cases of ${forms.length} vector forms agree`,
    );
  },
});
