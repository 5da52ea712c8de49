/**
 * Flags that the manual leaves undefined. Where we say that we follow a maker's processors, we do (there,
 * `differences` compares them everywhere; recorded_test.ts shows it on every host); on another maker's
 * processor it is told in what it differs.
 */
import assert from "node:assert/strict";
import { FOLLOWED } from "../../jit/isa/undefined.ts";
import { Random } from "../random.ts";
import { differences } from "./compare.ts";
import { allForms } from "./forms.ts";
import { generateCase } from "./generate.ts";
import { FOLLOWED_MAKER, hostProcessor } from "./processor.ts";
import { runsI386 } from "../i386.ts";
import { GuestWorld } from "./run.ts";
import { runCases } from "./session.ts";
import { tried } from "./tried.ts";

const CASES_PER_FORM = 60;
const SEED = 20260722;

Deno.test({
  name: "undefined flags that we follow are the host's, or it is told where its maker differs",
  ignore: !await runsI386(),
  async fn() {
    const r = new Random(SEED);
    const forms = allForms().forms.filter((f) => f.row.name in FOLLOWED);
    const cases = forms.flatMap((f) =>
      Array.from({ length: CASES_PER_FORM }, () => generateCase(r, f))
    );
    assert.ok(cases.some((c) => c.followedFlags !== 0));
    const world = await GuestWorld.create();
    try {
      const found = await runCases(world, tried(cases), new Map(), (c, native, ours) =>
        // as if the host were of the maker that we follow
        differences(c, native, ours, FOLLOWED_MAKER));
      const reports = [...found.values()].map((all) => `${all.length} x ${all[0]}`);
      const { maker } = hostProcessor();
      if (maker === FOLLOWED_MAKER) assert.equal(found.size, 0, reports.slice(0, 6).join("\n"));
      else for (const line of reports) console.log(`oracle: ${maker}'s undefined flags: ${line}`);
    } finally {
      world.close();
    }
  },
});
