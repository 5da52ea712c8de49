// Images that others made: read and laid out, each with what is known of it.
import assert from "node:assert/strict";
import { planDomain } from "../../../core/host/builder/plan.ts";
import { loadImage } from "../../../core/host/elf/image.ts";
import { folder } from "../../conformance/golden.ts";
import { guestForTest } from "../../guests/debian.ts";

const plan = async (url: URL, memoryPages = 16384) =>
  await planDomain(await loadImage(Deno.readFileSync(url)), { memoryPages });

Deno.test("GRUB: notes that pass the end of the file, no hypercall page, base 0", async () => {
  const url = await guestForTest("grub-i386-xen.bin");
  if (!url) return;
  const { image, layout } = await plan(url);
  assert.equal(image.parameters.guestOs, "GRUB");
  assert.equal(image.parameters.pae, "extended");
  assert.equal(image.virtBase, 0n);
  assert.equal(layout.hypercallPfn, undefined);
  assert.equal(layout.tables[1].count, 4);
  assert.equal(layout.mappedPages, 2048);
});

Deno.test("GNU Mach: gzip'd, __xen_guest, notes of the wrong owner", async () => {
  const url = await guestForTest("gnumach-1.8-xen-486.gz");
  if (!url) return;
  const { image, layout } = await plan(url);
  assert.equal(image.parameters.source, "__xen_guest");
  assert.equal(image.parameters.guestOs, "GNU Mach");
  assert.equal(layout.hypercallPfn, 2);
  assert.equal(layout.kernel.pfn, 0);
  assert.equal(layout.tables[1].count, 1);
});

Deno.test("the conformance and bench guests", async () => {
  const conformance = await plan(new URL("pv32.elf", folder()));
  assert.equal(conformance.layout.pageTables.count, 4);
  const bench = await plan(new URL("../../../bench/guest/kernel-pv.elf", import.meta.url));
  assert.equal(bench.layout.kernel.count, 0xc2a);
  assert.equal(bench.layout.mappedPages, 4096);
});
