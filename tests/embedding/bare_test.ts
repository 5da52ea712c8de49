/** The bare module with a machine image: examples/bare.mjs in Node and in Deno. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadModule } from "../../mod.ts";
import { hasNode, run } from "../library/process.ts";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** Writes module and image into a folder of its own. */
async function files(image: string[]): Promise<{ folder: string; example: string[] }> {
  const folder = await Deno.makeTempDir({ prefix: "paravane-bare-" });
  await Deno.writeFile(`${folder}/paravane.wasm`, await loadModule());
  const made = await run(Deno.execPath(), [
    ...["run", "-A", "--no-check", path("core/host/image_cli.ts")],
    ...[...image, "-o", `${folder}/machine`],
  ]);
  assert.equal(made.code, 0, made.stderr);
  const example = [path("examples/bare.mjs"), `${folder}/paravane.wasm`, `${folder}/machine`];
  return { folder, example };
}

Deno.test("the built-in guest boots from an image with WebAssembly's own API alone", async () => {
  const { folder, example } = await files(["skiff", "-m", "16"]);
  const engines = [[Deno.execPath(), "run", "-A", "--no-check"]];
  if (await hasNode()) engines.push(["node"]);
  try {
    for (const [command, ...args] of engines) {
      const { code, stdout, stderr } = await run(
        command,
        [...args, ...example],
        { input: "features\nhalt\n" },
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /skiff> features/);
      assert.match(stdout, /pae_pgdir_above_4gb/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("how the guest ended is how the example ends", async () => {
  const { folder, example } = await files(["exit-7", "-m", "8"]);
  try {
    const { code, stderr } = await run(Deno.execPath(), ["run", "-A", "--no-check", ...example]);
    assert.equal(code, 7, stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno task image: what is wrong is said in a line", async () => {
  const cases: [string[], RegExp][] = [
    [["skiff"], /-o FILE/],
    [["skiff", "-o"], /-o FILE/],
    [["no-such-guest", "-o", "x"], /no-such-guest: neither a file nor a built-in guest/],
    [["skiff", "-o", "/no/such/folder/x"], /^paravane: \/no\/such\/folder\/x: /],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await run(Deno.execPath(), [
      ...["run", "-A", "--no-check", path("core/host/image_cli.ts"), ...args],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, expected);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});
