/** Regions are compiled ahead by calls that neither look at memory nor change it. */
import assert from "node:assert/strict";
import binaryen from "binaryen";
import { MACHINE } from "../../core/wasm/layout.ts";
import { createMachine, loadGuest } from "../../mod.ts";
import { optimise } from "../../jit/optimiser/optimise.ts";
import { buildRegions, warmName } from "../../jit/translator/build.ts";
import type { RegionBlock } from "../../jit/translator/region.ts";
import { warm } from "../../jit/translator/warm.ts";

/** One in so many is tried: they are much alike. */
const EACH = 4;
/** What memory holds here: as state it would lead anywhere. */
const ANYTHING = 0xa5;
const LOW = 0x10000;

Deno.test("regions that are compiled ahead do nothing, whatever state there is", async () => {
  await using machine = await createMachine({ time: "virtual", jit: "always" });
  const domain = await machine.addDomain((await loadGuest("skiff"))!);
  const input = domain.console.writable.getWriter();
  await input.write(new TextEncoder().encode("halt\n"));
  await domain.shutdown;
  const all = machine.translation.regions();
  assert.ok(all.length > 300, `${all.length} regions`);
  const regions = all.filter((_, n) => n % EACH === 0)
    .map(({ blocks }) => structuredClone(blocks) as RegionBlock[]);
  const bytes = buildRegions(regions);
  doNothing(bytes, regions.length);
  doNothing(optimise(binaryen, bytes), regions.length);
});

function doNothing(code: Uint8Array<ArrayBuffer>, regions: number): void {
  const module = new WebAssembly.Module(code);
  warm(module, regions);

  const memory = new WebAssembly.Memory({ initial: MACHINE >>> 16 });
  const bytes = new Uint8Array(memory.buffer, 0, LOW).fill(ANYTHING);
  const called = new Set<string>();
  const handlers = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  const env: WebAssembly.ModuleImports = { memory, handlers };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") env[name] = () => (called.add(name), 0);
  }
  const { exports } = new WebAssembly.Instance(module, { env });
  for (let n = 0; n < regions; n++) {
    assert.equal((exports[warmName(n)] as CallableFunction)(), 0);
  }
  assert.deepEqual([...called], ["resume"], "which leaves");
  assert.ok(bytes.every((byte) => byte === ANYTHING));
}
