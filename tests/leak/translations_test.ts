/** Nothing holds a translation that was dropped, for want of room or with all decoded code. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { run } from "../library/process.ts";
import type { Alive } from "./translations.ts";

const PROGRAM = fileURLToPath(new URL("translations.ts", import.meta.url));
/** Guests whose regions are dropped often; of the first and the last some also lose blocks as they grow. */
const SEEDS = ["1", "5", "13"];

Deno.test("of translations that were dropped neither blocks nor modules are held", async () => {
  const { code, stdout, stderr } = await run(Deno.execPath(), [
    ...["run", "-A", "--quiet", "--no-check", "--v8-flags=--expose-gc"],
    ...[PROGRAM, ...SEEDS],
  ]);
  assert.equal(code, 0, stderr);
  const seen = stdout.trim().split("\n").map((line) => JSON.parse(line) as Alive);
  assert.equal(seen.length, 2 * SEEDS.length);
  for (let n = 0; n < seen.length; n += 2) {
    const [before, after] = [seen[n], seen[n + 1]];
    const { regions, built, blocks, placed, instances } = before;
    const text = JSON.stringify(before);
    assert.ok(regions > 0 && built > 2 * regions && placed > 2, `too little was dropped: ${text}`);
    assert.equal(blocks, regions, text);
    // one that has grown may have a way in that is the module's before
    assert.ok(instances > 0 && instances <= 2 * regions, text);
    assert.equal(
      after.blocks + after.instances,
      0,
      `all code was dropped: ${JSON.stringify(after)}`,
    );
  }
});
