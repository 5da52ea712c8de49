/// <reference lib="dom" />
/** Everything can be reached and done by keys alone. */
import assert from "node:assert/strict";
import { pageTest, type Tab } from "./rig.ts";

/** Id or text of the element that has the focus. */
const focused = (tab: Tab): Promise<string> =>
  tab.page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    return element.id || element.textContent!.trim() || element.tagName;
  });

/** Whether a person sees where the focus is. */
const focusSeen = (tab: Tab): Promise<boolean> =>
  tab.page.evaluate(() => {
    const style = getComputedStyle(document.activeElement!);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  });

/** Presses a key until the focus is on an element. Gives the way there. */
async function walk(tab: Tab, key: string, to: string): Promise<string[]> {
  const way: string[] = [];
  while (way.at(-1) !== to) {
    assert.ok(way.length < 60, `no way by ${key} to ${to}: ${way}`);
    await tab.page.keyboard.press(key);
    way.push(await focused(tab));
  }
  return way;
}

pageTest("by keys alone: from the top to the panels, and through their tabs", async (tab) => {
  await tab.boot();
  await tab.type("echo still the same guest");
  await walk(tab, "Shift+Tab", "Skip to the panels");
  assert.ok(await focusSeen(tab), "the focus on the skip link is not seen");
  await tab.page.keyboard.press("Enter");
  const ids = await tab.page.locator("#tabs [role=tab]").evaluateAll((tabs) =>
    tabs.map((tab) => tab.id)
  );
  assert.ok(ids.length >= 2);
  await walk(tab, "Tab", ids[0]);
  assert.ok(await focusSeen(tab), "the focus on a tab is not seen");
  for (const id of [...ids.slice(1), ids[0]]) {
    await tab.page.keyboard.press("ArrowRight");
    assert.equal(await focused(tab), id);
    assert.equal(await tab.page.locator(`#${id}`).getAttribute("aria-selected"), "true");
    assert.ok(await tab.page.locator(`#${id.replace("tab-", "panel-")}`).isVisible());
    assert.equal(await tab.page.locator("#panels [role=tabpanel]:visible").count(), 1);
  }
  await tab.page.keyboard.press("End");
  assert.equal(await focused(tab), ids.at(-1));
  await tab.page.keyboard.press("Home");
  assert.equal(await focused(tab), ids[0]);
  assert.match(await tab.console(), /^still the same guest$/m);
});

pageTest("by keys alone: out of the console and to the buttons", async (tab) => {
  await tab.boot();
  await tab.page.locator("#terminal textarea").focus();
  await walk(tab, "Shift+Tab", "pause");
  assert.ok(await focusSeen(tab), "the focus on a button is not seen");
  await tab.page.keyboard.press("Enter");
  await tab.status("paused");
  // the button that has gone dead hands the focus on, and does not drop it
  assert.equal(await focused(tab), "start");
  await tab.page.keyboard.press("Space");
  await tab.status("running");
});

pageTest("by keys alone: the guide, from a panel to its part of it and back", async (tab) => {
  await tab.boot();
  const more = tab.page.locator("#panel-hypercalls .panel-hint button");
  await more.focus();
  await tab.page.keyboard.press("Enter");
  const guide = tab.page.locator("#guide");
  assert.ok(await guide.isVisible());
  assert.equal(await focused(tab), "guide-close");
  await tab.until(
    "the panel's part",
    () =>
      tab.page.locator("#guide-hypercalls").evaluate((heading) => {
        const { top, bottom } = heading.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      }),
  );
  await tab.page.keyboard.press("Escape");
  assert.ok(await guide.isHidden());
  assert.ok(await more.evaluate((button) => button === document.activeElement));
});

pageTest("by keys alone: another memory size is booted", async (tab) => {
  await tab.boot();
  await tab.page.locator("#setup summary").focus();
  await tab.page.keyboard.press("Enter");
  await walk(tab, "Tab", "memory");
  await tab.page.keyboard.press("Control+a");
  await tab.page.keyboard.type("20");
  await tab.page.keyboard.press("Enter");
  await tab.sees(/memory: 5120 pages/);
});
