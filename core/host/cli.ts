/** `deno task boot`: see cli/help.ts for what it takes. */
import { main } from "./cli/main.ts";

Deno.exit(await main(Deno.args));
