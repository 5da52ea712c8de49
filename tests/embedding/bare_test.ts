/** The examples, in Node and in Deno: the bare module with a machine image, and the library in ten lines. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { pack } from "../../core/build/pack.ts";
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

/** Runs an example as a newcomer does, in each host. */
async function everywhere(
  example: string,
  permissions: string[],
  input: string,
  check: (stdout: string) => void,
): Promise<void> {
  const hosts = [[Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-check", ...permissions]];
  if (await hasNode()) hosts.push(["node"]);
  for (const [command, ...args] of hosts) {
    const { code, stdout, stderr } = await run(command, [...args, path(example)], { input });
    assert.equal(code, 0, stderr);
    check(stdout);
  }
}

Deno.test("examples/bare.mjs without arguments runs the built-in guest that the build left", async () => {
  const built = await run(Deno.execPath(), ["run", "-A", path("core/build/main.ts")]);
  assert.equal(built.code, 0, built.stderr);
  await everywhere("examples/bare.mjs", ["-A"], "echo bare\nhalt\n", (stdout) => {
    assert.match(stdout, /^bare\r?$/m);
  });
});

Deno.test("examples/machine.mjs runs the built-in guest, in Deno without any permission", async () => {
  if (!await hasNode()) return;
  await pack();
  await everywhere("examples/machine.mjs", ["--no-config"], "", (stdout) => {
    assert.match(stdout, /^from inside\r?$/m);
    assert.match(stdout, /^it ended by poweroff$/m);
  });
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
