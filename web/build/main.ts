/** `deno task web [--port N] [--build]`: builds the page into dist/web and serves it on loopback. */
import { buildSite } from "./site.ts";
import { serve } from "./serve.ts";

const DEFAULT_PORT = 8080;
const USAGE = "usage: deno task web [--port N] [--build]";

function fail(message: string): never {
  console.error(`web: ${message}`);
  Deno.exit(1);
}

let port = DEFAULT_PORT;
let buildOnly = false;
for (let args = [...Deno.args]; args.length > 0; args = args.slice(1)) {
  if (args[0] === "--build") buildOnly = true;
  else if (args[0] === "--port" && /^[0-9]{1,5}$/.test(args[1] ?? "") && Number(args[1]) < 65536) {
    port = Number(args[1]);
    args = args.slice(1);
  } else fail(`${args[0]}: ${USAGE}`);
}
const site = await buildSite().catch((error) => fail(error.message));
if (!buildOnly) {
  try {
    const server = serve(site, port);
    console.log(`http://127.0.0.1:${server.addr.port}/`);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    fail(`port ${port} is taken; choose another with --port N`);
  }
}
