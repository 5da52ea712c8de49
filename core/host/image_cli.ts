/** `deno task image`: see cli/image.ts. */
import { main } from "./cli/image.ts";

Deno.exit(await main(Deno.args));
