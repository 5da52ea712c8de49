/** `deno task chromium`: finds or fetches the browser of the page's tests. See chromium.ts. */
import { DebianUnavailable } from "../debian/apt.ts";
import { fetchChromium } from "./chromium.ts";

try {
  const { executable, version } = await fetchChromium((line) => console.error(line));
  console.log(`${version} (${executable})`);
} catch (error) {
  if (!(error instanceof DebianUnavailable)) throw error;
  console.error(`chromium: ${error.message}`);
  Deno.exit(1);
}
