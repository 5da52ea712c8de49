/**
 * `deno task build [--force]`: brings the build cache up to date, says where the parts lie, and leaves the
 * module as dist/paravane.wasm, and beside it a machine image of the built-in guest for examples/bare.mjs.
 */
import { fileURLToPath } from "node:url";
import { buildGuests, buildModule } from "./build.ts";
import { folder, isCached } from "./cache.ts";
import { GUEST_INPUTS, hashInputs, MODULE_INPUTS, ROOT } from "./inputs.ts";

/** Where those find the module who embed it (docs/embedding.md). */
const DIST = new URL("dist/", ROOT);

/** Leaves a file in dist/, in one step as others may be reading there. */
function publish(contents: Uint8Array, name: string): void {
  Deno.mkdirSync(DIST, { recursive: true });
  const fresh = new URL(`${name}.${Deno.pid}`, DIST);
  Deno.writeFileSync(fresh, contents);
  Deno.renameSync(fresh, new URL(name, DIST));
}

const unknown = Deno.args.filter((arg) => arg !== "--force");
if (unknown.length > 0) {
  console.error(`build: unknown argument ${unknown[0]} (usage: deno task build [--force])`);
  Deno.exit(1);
}
const force = Deno.args.includes("--force");
try {
  for (
    const [inputs, build] of [[MODULE_INPUTS, buildModule], [GUEST_INPUTS, buildGuests]] as const
  ) {
    const hash = await hashInputs(inputs);
    if (force || !isCached(hash)) await build(hash, force);
    for (const entry of Deno.readDirSync(folder(hash))) {
      const path = fileURLToPath(new URL(entry.name, folder(hash)));
      console.log(`${path} ${Deno.statSync(path).size} bytes`);
      if (entry.name === "paravane.wasm") publish(Deno.readFileSync(path), entry.name);
    }
  }
  const { makeImage } = await import("../host/cli/image.ts");
  publish(await makeImage(["skiff", "-m", "16"]), "skiff.image");
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  Deno.exit(1);
}
