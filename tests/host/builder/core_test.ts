// The builder with the real core: what it makes stands up to the audit, and goes back as a whole.
import assert from "node:assert/strict";
import { loadModule } from "../../../core/build/load.ts";
import { buildDomain, BuildError } from "../../../core/host/builder/build.ts";
import { planDomain } from "../../../core/host/builder/plan.ts";
import type { Core } from "../../../core/host/core.ts";
import { VirtualClock } from "../../../core/host/clock.ts";
import { parseImage } from "../../../core/host/elf/image.ts";
import { Log } from "../../../core/host/log.ts";
import { instantiate } from "../../../core/host/module.ts";
import { makeElf, notesWith } from "../elf/make_elf.ts";

const MIB = 256; // pages

/** Exports the host itself does not call. */
interface Audited {
  audit(domid: number): number;
  machine_free_frames(): number;
}

async function machine(pages: number): Promise<{ core: Core; audited: Audited }> {
  const core = await instantiate(await loadModule(), {
    clock: new VirtualClock(),
    log: new Log(() => {}),
    trace: () => {},
  });
  assert.equal(core.exports.machine_init(pages), 0);
  return { core, audited: core.exports as unknown as Audited };
}

const IMAGES = [
  makeElf(),
  makeElf({ notes: notesWith({ 1: 0, 2: 0x1000, 3: 0 }) }),
  makeElf({ notes: notesWith({ 16: 1 }) }),
];
const plans = (memoryPages: number) =>
  Promise.all(
    IMAGES.map((image) =>
      planDomain(parseImage(image), { memoryPages, ramdisk: new Uint8Array(9000) })
    ),
  );

Deno.test("every reference of a new domain is accounted for", async () => {
  const { core, audited } = await machine(80 * MIB);
  for (const plan of await plans(16 * MIB)) {
    const { domid } = await buildDomain(core, plan);
    assert.equal(audited.audit(domid), 0);
  }
});

Deno.test("domains that are destroyed give all their memory back", async () => {
  const { core, audited } = await machine(8 * MIB);
  let free = 0;
  for (let round = 0; round < 150; round++) {
    for (const plan of await plans(6 * MIB)) {
      const { domid } = await buildDomain(core, plan);
      assert.equal(core.exports.domain_destroy(domid), 0);
    }
    if (round === 0) free = audited.machine_free_frames();
  }
  assert.equal(audited.machine_free_frames(), free);
});

Deno.test("a domain that does not fit leaves the machine as it was", async () => {
  const { core, audited } = await machine(10 * MIB);
  const [small] = await plans(6 * MIB);
  const [large] = await plans(16 * MIB);
  const { domid } = await buildDomain(core, small);
  const free = audited.machine_free_frames();
  await assert.rejects(buildDomain(core, large), BuildError);
  await assert.rejects(buildDomain(core, small), /domain_populate of 1536 pages gave error -12/);
  assert.equal(audited.machine_free_frames(), free);
  assert.equal(audited.audit(domid), 0);
});
