import assert from "node:assert/strict";
import fc from "fast-check";
import { applyDamage, damage, seeds, tryImage } from "../../fuzz/elf.ts";

Deno.test("the fuzz begins from images that are accepted", async () => {
  for (const image of await seeds()) assert.equal(await tryImage(image), true);
});

Deno.test("damaged images are built or refused with one line", async () => {
  const images = await seeds();
  let accepted = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damage, async (d) => {
      if (await tryImage(applyDamage(images[d.seed % images.length], d))) accepted++;
      else refused++;
    }),
    { numRuns: 2000 },
  );
  assert.ok(accepted > 100 && refused > 500, `${accepted} accepted, ${refused} refused`);
});
