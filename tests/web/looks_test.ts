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

const THEMES = ["light", "dark"] as const;
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

/**
 * What axe objects to, a line each: WCAG 2.2 A and AA, and its best practices.
 *
 * @param part of the page, a selector
 * @param rules those it goes by; none for all
 *
 * Of long tables it gets the last rows, as the others are like them; of the console nothing, whose rows are
 * xterm.js's own and whose colours are one pair.
 */
async function objections(page: Page, part: string, rules: string[] = []): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(({ part, rules }) => {
    for (const body of document.querySelectorAll("tbody")) {
      while (body.rows.length > 20) body.rows[0].remove();
    }
    const { axe: here } = globalThis as unknown as { axe: typeof axe };
    return here.run(
      { include: [part], exclude: [".xterm-screen"] },
      rules.length > 0 ? { runOnly: { type: "rule", values: rules } } : {},
    );
  }, { part, rules });
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

/** What is opened in a panel, so that there is more to look at. */
const open: Record<string, (tab: Tab) => Promise<void>> = {
  async memory({ page }) {
    await page.locator("#panel-memory button", { hasText: "EIP" }).click();
    await page.locator("#panel-memory tr[data-marked]").first().waitFor();
  },
  async blocks(tab) {
    await tab.type("hog");
    const { page } = tab;
    await page.locator("#blocks-rows tr", { hasText: "translated" }).locator("button").first()
      .click();
    const code = page.locator("#blocks-wasm", { hasText: "local.get" });
    await code.waitFor();
    await page.locator("#terminal textarea").focus();
    await page.keyboard.press("Control+c");
    await tab.prompt();
  },
  async counters({ page }) {
    await page.waitForTimeout(1000);
  },
};

/**
 * Takes screenshots in both themes.
 *
 * @param part what axe is to look at; the rest it has seen
 * @returns what is wrong with what they show, a line each
 */
async function faults(
  tab: Tab,
  size: string,
  name: string,
  part: string,
): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of THEMES) {
    await tab.page.emulateMedia({ colorScheme });
    // charts are drawn anew with their next sample
    await tab.page.waitForTimeout(300);
    await shoot(tab, `${size}-${colorScheme}-${name}`);
  }
  found.push(...(await overflow(tab.page)).map((element) => `wider than the window: ${element}`));
  // axe takes seconds; at the other width it has the same elements and colours before it
  if (tab.page.viewportSize()!.width === WIDE.width) {
    // the last theme is still on; of the others only the colours are different
    found.push(...await objections(tab.page, part));
    for (const colorScheme of THEMES.slice(0, -1)) {
      await tab.page.emulateMedia({ colorScheme });
      const colours = await objections(tab.page, part, ["color-contrast"]);
      found.push(...colours.map((fault) => `${colorScheme}: ${fault}`));
    }
  }
  return found.map((fault) => `${size}-${name}: ${fault}`);
}

for (const [size, viewport] of Object.entries({ 1280: WIDE, 390: NARROW })) {
  pageTest(`the page at ${size} px, light and dark`, async (tab) => {
    const found: string[] = [];
    const { page } = tab;
    await tab.boot();
    await tab.type("ps");
    await tab.sees(/running .* ps\n *skiff> *$/);
    const names = await panels(tab);
    const [first] = names;
    for (const panel of names) {
      await page.locator(`#tab-${panel}`).click();
      await page.locator(`#panel-${panel}`).waitFor();
      // the first sample of every feed
      await page.waitForTimeout(400);
      await open[panel]?.(tab);
      found.push(...await faults(tab, size, panel, panel === first ? "html" : "#inside"));
    }
    await page.locator("#setup summary").click();
    found.push(...await faults(tab, size, "setup", "#setup"));
    await page.locator("#setup summary").click();
    await page.locator("#help").click();
    found.push(...await faults(tab, size, "guide", "#guide"));
    await page.locator("#guide-close").click();
    await page.locator("#pause").click();
    await page.locator("#paused-code", { hasText: /\w/ }).waitFor();
    found.push(...await faults(tab, size, "paused", "#paused"));
    await page.locator("#start").click();
    await tab.type("crash");
    await tab.status("crash");
    found.push(...await faults(tab, size, "crash", "#crash"));
    assert.deepEqual(found, []);
  }, { viewport, ...(viewport === NARROW && { hasTouch: true, isMobile: true }) });
}
