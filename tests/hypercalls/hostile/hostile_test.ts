/** Domains that call anything with anything, several at once (run.ts). `deno task fuzz --what hypercalls` goes on. */
import assert from "node:assert/strict";
import { runHostile, type Tally } from "./run.ts";

const SEEDS = 30;

Deno.test("hostile domains break neither the core nor each other nor one that only counts [domain.several] [hypercall.random]", async () => {
  const tally: Tally = { calls: 0, slices: 0, ended: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const wrong = await runHostile(seed, tally);
    assert.equal(wrong, "", wrong);
  }
  assert.ok(tally.calls > 100 * SEEDS, `${tally.calls} calls came back`);
  assert.ok(tally.ended > 0, "some of them end their domain");
});
