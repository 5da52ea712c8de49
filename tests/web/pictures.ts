/** `deno run -A tests/web/pictures.ts`: takes the README's pictures of the page anew, in docs/images. */
import { Buffer } from "node:buffer";
import { ROOT } from "../../core/build/inputs.ts";
import { serve } from "../../web/build/serve.ts";
import { buildSite } from "../../web/build/site.ts";
import { chromiumForTest } from "./chromium.ts";
import { Tab } from "./rig.ts";

const VIEWPORT = { width: 1280, height: 720 };
/** Of WebP: text stays sharp, and a picture takes some 50 KB. */
const QUALITY = 80;

const browser = await chromiumForTest();
if (!browser) Deno.exit(1);
const server = serve(await buildSite(), 0);
try {
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({ viewport: VIEWPORT, colorScheme });
    const page = await context.newPage();
    const tab = new Tab(page, `http://127.0.0.1:${server.addr.port}/`);
    await tab.boot();
    for (const command of ["ps", "maps"]) {
      await tab.type(command);
      await tab.sees(/\n *skiff> *$/);
    }
    await page.locator("#tab-blocks").click();
    await tab.type("hog 20 &");
    await page.locator("#blocks-rows tr", { hasText: "u_spin" }).filter({ hasText: "translated" })
      .locator("button").first().click();
    await page.locator("#blocks-wasm", { hasText: "local.get" }).waitFor();
    // the share of the hot loop, and the speed in the status line, settle
    await page.waitForTimeout(2500);
    const session = await context.newCDPSession(page);
    const { data } = await session.send("Page.captureScreenshot", {
      format: "webp",
      quality: QUALITY,
    });
    await Deno.writeFile(
      new URL(`docs/images/page-${colorScheme}.webp`, ROOT),
      Buffer.from(data, "base64"),
    );
    await context.close();
  }
} finally {
  await browser.close();
  await server.shutdown();
}
