/** Each form of each instruction makes a valid module, whatever operations its meaning uses. */
import assert from "node:assert/strict";
import { buildRegions } from "../../jit/translator/build.ts";
import type { RegionBlock } from "../../jit/translator/region.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";

Deno.test("every handler's form can be translated", () => {
  const problems: string[] = [];
  for (const [n, handler] of handlerPlan().handlers.entries()) {
    const instruction = {
      record: 4096,
      handler,
      number: n,
      a: 8,
      b: 16,
      base: 24,
      index: 32,
      immediate: 5n,
      displacement: 64,
      delta: 0,
      length: 3,
      count: 1,
      scale: 1,
      segment: 3,
      prefixes: 0,
      link: 0,
      target: -1,
      behind: -1,
    };
    const end = { ...instruction, record: 4128, handler: "end" as const, delta: 3, count: 2 };
    const blocks: RegionBlock[] = [{
      record: 4096,
      offset: 0,
      page: 0,
      returned: false,
      jumpedTo: false,
      user: false,
      instructions: handler.row.ends ? [instruction] : [instruction, end],
      next: -1,
    }];
    try {
      if (!WebAssembly.validate(buildRegions([blocks]))) problems.push(handler.key);
    } catch (error) {
      problems.push(`${handler.key}: ${error}`);
    }
  }
  assert.deepEqual(problems, []);
});
