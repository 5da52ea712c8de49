/** `deno task build [--force]`: brings the build cache up to date and says where the parts lie. */
import { fileURLToPath } from "node:url";
import { buildGuests, buildModule } from "./build.ts";
import { folder, isCached } from "./cache.ts";
import { GUEST_INPUTS, hashInputs, MODULE_INPUTS } from "./inputs.ts";

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
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  Deno.exit(1);
}
