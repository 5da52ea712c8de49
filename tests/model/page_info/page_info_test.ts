/** The core's page_info in step with the model's (this folder). `deno task fuzz --what model` goes on from here. */
import assert from "node:assert/strict";
import { LENGTH, runSeed } from "./run.ts";

const STEPS = 100_000;
const KINDS = 18;

Deno.test("page_info keeps step with the model over hostile sequences of several domains [domain.model] [domain.destroy_mapped] [mmu.partial] [mmu.hostile] [mmu.flush_upper] [mmu.flush_type] [mmu.undone] [xsa.401]", async () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= STEPS / LENGTH; seed++) {
    const wrong = await runSeed(seed, seen);
    assert.equal(wrong, "", wrong);
  }
  assert.equal(seen.size, KINDS, [...seen.keys()].join(" "));
});
