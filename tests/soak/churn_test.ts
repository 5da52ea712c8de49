/** A short run of what `deno task soak --what churn` does for long. */
import assert from "node:assert/strict";
import { churn } from "./churn.ts";

Deno.test("Skiff tests and measures itself while its translations are dropped all the time", async () => {
  const report = await churn({ seconds: 6, room: 128 << 10 });
  assert.deepEqual(report.wrong, []);
  assert.ok(report.tests >= 2 && report.benches >= 2, `${report.tests} rounds`);
  assert.ok(report.evicted > 10, `${report.evicted} of ${report.placed} regions dropped`);
});
