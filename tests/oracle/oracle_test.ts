/**
 * The host's processor as oracle: cases generated from the instruction table run natively and in the
 * interpreter, and everything they leave is compared.
 */
import assert from "node:assert/strict";
import { Random } from "../random.ts";
import type { Case } from "./case.ts";
import { differences, report } from "./compare.ts";
import { allForms } from "./forms.ts";
import { generateCase } from "./generate.ts";
import { MAX_CASES } from "./layout.ts";
import { canRunNatively, GuestWorld, runNatively } from "./run.ts";

const CASES_PER_FORM = 20;
const SEED = Number(Deno.env.get("SEED") ?? 20260721);
/** Reports to print before giving up. */
const ENOUGH = Number(Deno.env.get("ENOUGH") ?? 12);

Deno.test("instructions do what the host's processor does", async () => {
  if (!await canRunNatively()) {
    assert.ok(!Deno.env.get("CI") || Deno.build.arch !== "x86_64", "CI must run i386 programs");
    console.log("oracle: this host runs no i386 programs: instructions are not compared");
    return;
  }
  const r = new Random(SEED);
  const { forms, excluded } = allForms();
  const only = Deno.env.get("ONLY");
  const cases: Case[] = forms.filter((f) => !only || new RegExp(only).test(f.name)).flatMap((f) =>
    Array.from({ length: CASES_PER_FORM }, () => generateCase(r, f))
  );
  const world = await GuestWorld.create();
  const failed = new Map<string, string[]>();
  try {
    for (let at = 0; at < cases.length; at += MAX_CASES) {
      const batch = cases.slice(at, at + MAX_CASES);
      const native = await runNatively(batch);
      const ours = await world.run(batch);
      batch.forEach((c, i) => {
        const lines = differences(c, native[i], ours[i]);
        if (lines.length) failed.set(c.form, [...(failed.get(c.form) ?? []), report(c, lines)]);
      });
    }
  } finally {
    world.close();
  }
  const left = [...excluded].map(([why, names]) => `${names.length} (${why})`).join(", ");
  console.log(
    `oracle: ${cases.length} cases of ${forms.length} forms agree but for ${failed.size} forms; ` +
      `left out: ${left}`,
  );
  const reports = [...failed.values()].slice(0, ENOUGH).map((all) => `${all.length} x ${all[0]}`);
  assert.equal(failed.size, 0, `seed ${SEED}\n` + reports.join("\n"));
});
