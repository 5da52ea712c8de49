/**
 * `deno task pack`: makes the npm package, in dist/npm, and its tarball, dist/paravane-VERSION.tgz. It needs
 * nothing: library, command, types and the module are in it. Binaryen, ten times as large, is used where somebody
 * has installed it beside (jit/optimiser/find.ts).
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { bundleLibrary } from "./bundle.ts";
import { declarations } from "./declarations.ts";
import { ROOT } from "./inputs.ts";
import { loadModule } from "./load.ts";

const DIST = new URL("dist/", ROOT);
const PACKAGE = new URL("npm/", DIST);

/** From the version that this was tested with: a Binaryen has to keep branch hints. */
const BINARYEN = `>=${project.imports.binaryen.replace("npm:binaryen@", "")}`;

const MANIFEST = {
  name: project.name,
  version: project.version,
  description: "Runs Xen paravirtualised guests: a hypervisor in WebAssembly",
  keywords: ["xen", "paravirtualization", "hypervisor", "webassembly", "x86", "emulator"],
  license: project.license,
  type: "module",
  engines: { node: ">=20" },
  exports: {
    ".": { types: "./types/mod.d.ts", default: "./paravane.js" },
    "./paravane.wasm": "./paravane.wasm",
    "./package.json": "./package.json",
  },
  bin: { paravane: "./command.js" },
  sideEffects: false,
  peerDependencies: { binaryen: BINARYEN },
  peerDependenciesMeta: { binaryen: { optional: true } },
};

/**
 * Makes the package.
 *
 * @returns the tarball
 * @throws Error with a line for people
 */
export async function pack(): Promise<URL> {
  await Deno.remove(PACKAGE, { recursive: true }).catch(() => {});
  const put = async (name: string, contents: Uint8Array | string) => {
    const url = new URL(name, PACKAGE);
    await Deno.mkdir(new URL(".", url), { recursive: true });
    await Deno.writeFile(
      url,
      typeof contents === "string" ? new TextEncoder().encode(contents) : contents,
    );
  };
  for (const [name, bytes] of Object.entries(await bundleLibrary())) await put(name, bytes);
  for (const [name, text] of Object.entries(declarations())) await put(`types/${name}`, text);
  await put("paravane.wasm", await loadModule());
  await put("package.json", JSON.stringify(MANIFEST, null, 2) + "\n");
  for (const name of ["README.md", "LICENSE"]) {
    await put(name, await Deno.readFile(new URL(name, ROOT)));
  }
  const { status, stdout, stderr, error } = spawnSync(
    "npm",
    ["pack", "--silent", "--pack-destination", fileURLToPath(DIST)],
    { cwd: fileURLToPath(PACKAGE), encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`npm cannot pack: ${error?.message ?? stderr.trim()}`);
  return new URL(stdout.trim().split("\n").at(-1)!, DIST);
}

if (import.meta.main) {
  try {
    const tarball = fileURLToPath(await pack());
    console.log(`${tarball} ${Deno.statSync(tarball).size} bytes`);
  } catch (error) {
    console.error(`pack: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
