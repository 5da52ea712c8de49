/** The build cache: what names an artefact, and that half an artefact is never seen. */
import assert from "node:assert/strict";
import { buildCached, folder, isCached, readCached } from "./cache.ts";
import { hashInputs, MODULE_INPUTS } from "./inputs.ts";

/** A hash no real artefact has; its folder goes away after the test. */
function scratch(name: string): { hash: string } & Disposable {
  const hash = `test-${name}-${Deno.pid}`;
  return {
    hash,
    [Symbol.dispose]() {
      if (isCached(hash)) Deno.removeSync(folder(hash), { recursive: true });
    },
  };
}

const artefact = (byte: number) => () => Promise.resolve({ file: Uint8Array.of(byte) });

Deno.test("cache: what is built once is read, not built again", async () => {
  using entry = scratch("once");
  assert.equal(readCached(entry.hash, "file"), null);
  await buildCached(entry.hash, artefact(1));
  await buildCached(entry.hash, artefact(2));
  assert.deepEqual(readCached(entry.hash, "file"), Uint8Array.of(1));
  await buildCached(entry.hash, artefact(3), true);
  assert.deepEqual(readCached(entry.hash, "file"), Uint8Array.of(3));
  assert.equal(readCached(entry.hash, "other"), null);
});

Deno.test("cache: a failed build leaves nothing", async () => {
  using entry = scratch("failed");
  await assert.rejects(buildCached(entry.hash, () => Promise.reject(new Error("no"))), /no/);
  assert.equal(isCached(entry.hash), false);
});

Deno.test("cache: of two processes that want the same, one builds", async () => {
  using entry = scratch("race");
  const program = `
    import { buildCached } from ${JSON.stringify(new URL("cache.ts", import.meta.url).href)};
    await buildCached(${JSON.stringify(entry.hash)}, async () => {
      console.log("built");
      await new Promise((done) => setTimeout(done, 300));
      return { file: Uint8Array.of(7) };
    });`;
  const run = () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", program],
      stdout: "piped",
      stderr: "inherit",
    }).output();
  const outputs = await Promise.all([run(), run()]);
  const text = outputs.map((output) => new TextDecoder().decode(output.stdout)).join("");
  assert.equal(text.match(/built/g)?.length, 1);
  assert.deepEqual(outputs.map((output) => output.code), [0, 0]);
  assert.deepEqual(readCached(entry.hash, "file"), Uint8Array.of(7));
});

Deno.test("inputs: the hash is the sources', and changes with what else goes in", async () => {
  const hash = await hashInputs(MODULE_INPUTS);
  assert.match(hash, /^[0-9a-f]{20}$/);
  assert.equal(await hashInputs(MODULE_INPUTS), hash);
  assert.notEqual(await hashInputs(MODULE_INPUTS, "x"), hash);
  assert.notEqual(await hashInputs(MODULE_INPUTS.slice(1)), hash);
  assert.equal(await hashInputs([...MODULE_INPUTS, "no/such/folder"]), hash);
});
