/** `deno task guests`: fetches the real guests that the tests boot. See debian.ts. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { DebianUnavailable } from "../debian/apt.ts";
import { fetchGuests, guestNames, imageUrl } from "./debian.ts";

try {
  await fetchGuests((line) => console.error(line));
  for (const name of guestNames) {
    console.log(relative(Deno.cwd(), fileURLToPath(imageUrl(name))));
  }
} catch (error) {
  if (!(error instanceof DebianUnavailable)) throw error;
  console.error(`guests: ${error.message}`);
  Deno.exit(1);
}
