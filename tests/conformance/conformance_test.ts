/** pv32.elf answers as on real Xen 4.17.7: all of some subjects, and never fewer lines than before. */
import assert from "node:assert/strict";
import { table, total } from "./compare.ts";
import { fallen, readFloor } from "./floor.ts";
import { runSuite } from "./suite.ts";

Deno.test("conformance: what a guest observes is what real Xen shows it", async () => {
  const { domU, smp, crash } = await runSuite();
  const results = [...domU, ...smp, ...crash];
  console.log(table(results));
  for (const [name, part] of [["one vCPU", domU], ["two", smp], ["crash modes", crash]] as const) {
    const { agree, lines } = total(part);
    console.log(`${name}: ${agree} of ${lines} lines agree`);
  }
  const floor = readFloor();
  assert.deepEqual(fallen(results, floor), []);
  // A subject with a floor that is not there at all would otherwise go unseen.
  const missing = Object.keys(floor).filter((s) => !results.some((r) => r.subject === s));
  assert.deepEqual(missing, []);
});
