/// <reference lib="dom" />
/**
 * How the page looks, at both widths and in both themes: nothing sticks out, axe finds nothing to object to,
 * and a screenshot is left in dist/screenshots for people to look at.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { ROOT } from "../../core/build/inputs.ts";
import { NARROW, pageTest, type Tab, WIDE } from "./rig.ts";

const SCREENSHOTS = new URL("dist/screenshots/", ROOT);

/** How far the page is wider than the window, and which elements stick out. */
function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 0.5)
      .map((element) => `${element.tagName}#${element.id}.${element.className}`);
  });
}

/** What axe objects to: WCAG 2.2 A and AA, and its best practices. One line for each. */
async function objections(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run()
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.failureSummary}`)
  );
}

/** The tabs there are, by the names of their panels. */
async function panels(tab: Tab): Promise<string[]> {
  const ids = await tab.page.locator("#tabs [role=tab]").evaluateAll((tabs) =>
    tabs.map((tab) => tab.id)
  );
  return ids.map((id) => id.replace("tab-", ""));
}

async function shoot(tab: Tab, name: string): Promise<void> {
  const path = fileURLToPath(new URL(`${name}.png`, SCREENSHOTS));
  await tab.page.screenshot({ path, fullPage: true });
}

async function looksRight(tab: Tab, name: string): Promise<void> {
  await shoot(tab, name);
  assert.deepEqual(await overflow(tab.page), [], `${name}: wider than the window`);
  assert.deepEqual(await objections(tab.page), [], name);
}

for (const [size, viewport] of Object.entries({ 1280: WIDE, 390: NARROW })) {
  for (const colorScheme of ["light", "dark"] as const) {
    const name = `${size}-${colorScheme}`;
    pageTest(`the page at ${size} px, ${colorScheme}`, async (tab) => {
      await tab.boot();
      await tab.type("ps");
      await tab.prompt();
      for (const panel of await panels(tab)) {
        await tab.page.locator(`#tab-${panel}`).click();
        await tab.page.locator(`#panel-${panel}`).waitFor();
        // the first sample of every feed, and of charts more than one
        await tab.page.waitForTimeout(1200);
        await looksRight(tab, `${name}-${panel}`);
      }
      await tab.page.locator("#setup summary").click();
      await looksRight(tab, `${name}-setup`);
      await tab.page.locator("#setup summary").click();
      await tab.type("crash");
      await tab.status("crash");
      await looksRight(tab, `${name}-crash`);
    }, { viewport, colorScheme, ...(viewport === NARROW && { hasTouch: true, isMobile: true }) });
  }
}
