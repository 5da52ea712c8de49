/** pv32.elf answers as on real Xen 4.17.7: each line but those whose difference has a reason. */
import assert from "node:assert/strict";
import { table, total } from "./compare.ts";
import { complaints, readExceptions } from "./exceptions.ts";
import { runSuite } from "./suite.ts";

Deno.test("conformance: what a guest observes is what real Xen shows it", async () => {
  const { domU, smp, crash } = await runSuite();
  const results = [...domU, ...smp, ...crash];
  console.log(table(results));
  for (
    const [name, part, lines] of [
      ["one vCPU", domU, 2211],
      ["two", smp, 55],
      ["crash modes", crash, 28],
    ] as const
  ) {
    const sum = total(part);
    console.log(`${name}: ${sum.agree} of ${sum.lines} lines agree`);
    assert.equal(sum.lines, lines);
  }
  const exceptions = readExceptions();
  assert.deepEqual(complaints(results, exceptions), []);
  assert.ok(exceptions.size <= 5, "the list is to stay short");
});
