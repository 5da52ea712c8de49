/** What compiles regions ahead calls them, and none of them does anything: nothing is accessed that is not there. */
import assert from "node:assert/strict";
import { createMachine, loadGuest } from "../../mod.ts";
import { buildRegions } from "../../jit/translator/build.ts";
import type { RegionBlock } from "../../jit/translator/region.ts";
import { warm } from "../../jit/translator/warm.ts";

/** One in so many is tried: they are much alike. */
const EACH = 4;

Deno.test("regions that are compiled ahead access no memory of a guest", async () => {
  await using machine = await createMachine({ time: "virtual", jit: "always" });
  const domain = await machine.addDomain((await loadGuest("skiff"))!);
  const input = domain.console.writable.getWriter();
  await input.write(new TextEncoder().encode("halt\n"));
  await domain.shutdown;
  const regions = machine.translation.regions();
  assert.ok(regions.length > 300, `${regions.length} regions`);
  const traps = new Set<string>();
  for (const { blocks } of regions.filter((_, n) => n % EACH === 0)) {
    const bytes = buildRegions([structuredClone(blocks) as RegionBlock[]]);
    warm(new WebAssembly.Module(bytes), (error) => traps.add(String(error)));
  }
  // to go on to a handler that is not there is the way out
  assert.deepEqual([...traps].filter((trap) => !/null function|table index/i.test(trap)), []);
});
