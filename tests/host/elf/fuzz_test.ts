import assert from "node:assert/strict";
import { fuzzElf, seeds, tryImage } from "../../fuzz/elf.ts";

Deno.test("the fuzz begins from images that are accepted", async () => {
  for (const image of await seeds()) assert.equal(await tryImage(image), true);
});

Deno.test("damaged images are built or refused with one line", async () => {
  const { accepted, refused } = await fuzzElf(1500, 20260722);
  assert.ok(accepted > 50, `${accepted} accepted`);
  assert.ok(refused > 500, `${refused} refused`);
});
