// Images that must be refused: each with one line that names what is wrong, and nothing else thrown.
import assert from "node:assert/strict";
import { loadImage } from "../../../core/host/elf/image.ts";
import { ImageError } from "../../../core/host/elf/image_error.ts";
import { planDomain } from "../../../core/host/builder/plan.ts";
import { BROKEN } from "./broken.ts";
import { makeElf, notesWith } from "./make_elf.ts";

/** What the CLI does with an image before a domain exists: load it and plan 64 MiB. */
async function refuse(bytes: Uint8Array): Promise<ImageError> {
  try {
    await planDomain(await loadImage(bytes, { limit: 64 << 20 }), { memoryPages: 16384 });
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

for (const [name, reason, make] of BROKEN) {
  Deno.test(`refused: ${name}`, async () => {
    const error = await refuse(await make());
    assert.match(error.message, reason);
    assert.doesNotMatch(error.message, /\n|undefined|NaN/);
    assert.ok(error.message.length < 300, error.message);
  });
}

Deno.test("every prefix of a good image is refused, or good", async () => {
  const sections = [{ name: ".symtab", type: 2, data: new Uint8Array(32) }];
  const image = makeElf({ sections, notes: notesWith({ 11: "yes" }) });
  for (let length = 0; length < image.length; length += length < 200 || length > 4100 ? 1 : 97) {
    await refuse(image.slice(0, length));
  }
});
