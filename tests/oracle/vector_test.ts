/** MMX and SSE against the host's processor: registers, MXCSR, flags, memory and faults. */
import assert from "node:assert/strict";
import type { Case } from "./case.ts";
import { Random } from "../random.ts";
import { VECTOR_CASES } from "./counts.ts";
import { canRunNatively, GuestWorld } from "./run.ts";
import { runCases } from "./session.ts";
import { vectorCase, vectorForms, vectorSequence } from "./vector_cases.ts";
import { takeVariances } from "./variances.ts";
import { vectorDifferences } from "./vector_compare.ts";

const CASES_PER_FORM = Number(Deno.env.get("VECTOR_CASES") ?? VECTOR_CASES);
const SEQUENCES = CASES_PER_FORM * 100;
const SEED = Number(Deno.env.get("SEED") ?? 20260721);
/** Reports to print before giving up. */
const ENOUGH = 12;

Deno.test({
  name: "vector instructions do what the host's processor does",
  ignore: !await canRunNatively(),
  async fn() {
    const r = new Random(SEED);
    const forms = vectorForms().filter((f) => f.name.match(Deno.env.get("ONLY") ?? ""));
    function* cases(): Generator<Case> {
      for (const f of forms) for (let n = CASES_PER_FORM; n > 0; n--) yield vectorCase(r, f);
      for (let n = SEQUENCES; n > 0; n--) yield vectorSequence(r, forms);
    }
    const world = await GuestWorld.create();
    try {
      const findings = await runCases(world, cases(), new Map(), vectorDifferences);
      const reports = [...findings.values()].map((all) => `${all.length} x ${all[0]}`);
      if (reports.length) console.log([...findings.keys()].join("\n"));
      assert.equal(reports.length, 0, `seed ${SEED}\n` + reports.slice(0, ENOUGH).join("\n"));
    } finally {
      world.close();
    }
    for (const line of takeVariances()) console.log(`oracle: ${line}`);
    console.log(
      `oracle: ${
        forms.length * CASES_PER_FORM + SEQUENCES
      } cases of ${forms.length} vector forms agree`,
    );
  },
});
