/** The core's page_info in step with the model's (this folder). `deno task fuzz --what model` goes on from here. */
import assert from "node:assert/strict";
import { LENGTH, runSeed, runTranslated } from "./run.ts";

const STEPS = 100_000, TRANSLATED_STEPS = 4000;
const KINDS = 19;

async function run(by: typeof runSeed, steps: number): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= steps / LENGTH; seed++) {
    const wrong = await by(seed, seen);
    assert.equal(wrong, "", wrong);
  }
  return seen;
}

Deno.test("page_info keeps step with the model over hostile sequences of several domains [domain.model] [domain.destroy_mapped] [mmu.partial] [mmu.hostile] [mmu.flush_upper] [mmu.flush_type] [mmu.undone] [xsa.401]", async () => {
  const seen = await run(runSeed, STEPS);
  assert.equal(seen.size, KINDS, [...seen.keys()].join(" "));
});

Deno.test("no guest's code, interpreted or translated, reaches what the model says it may not [mmu.hostile] [mmu.flush_type] [xsa.286] [xsa.401]", async () => {
  const seen = await run(runTranslated, TRANSLATED_STEPS);
  assert.ok(seen.get("run")! > 300, `${seen.get("run")} runs`);
});
