/** The panels show what the guest does and has. */
import assert from "node:assert/strict";
import { pageTest, type Tab } from "./rig.ts";

/** The rows of a panel's table that are on show, cells joined by a blank. */
const rows = (tab: Tab, body: string): Promise<string[]> =>
  tab.page.locator(`${body} tr`).evaluateAll((rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.textContent).join(" "))
  );

async function show(tab: Tab, panel: string): Promise<void> {
  await tab.page.locator(`#tab-${panel}`).click();
  await tab.page.locator(`#panel-${panel}`).waitFor();
}

pageTest("hypercalls: the one just made is shown, with its arguments and result", async (tab) => {
  await tab.boot();
  await show(tab, "hypercalls");
  const asked = async (what: RegExp) =>
    (await rows(tab, "#trace-rows")).some((row) => what.test(row));
  await tab.page.locator("#trace-filter").fill("event_channel_op");
  await tab.page.locator("#trace-clear").click();
  await tab.type("echo x");
  await tab.until("a notification", () => asked(/event_channel_op send, port \d+ 0$/));
  for (const row of await rows(tab, "#trace-rows")) {
    assert.match(row, /event_channel_op|more, too fast/);
  }
  await tab.page.locator("#trace-filter").fill("sched_op");
  await tab.type("halt");
  await tab.until("the guest's last", () => asked(/sched_op shutdown, poweroff/));
});

pageTest("hypercalls: errors only, traps, and what is filtered out", async (tab) => {
  await tab.boot();
  await show(tab, "hypercalls");
  await tab.page.locator("#trace-hypercall").uncheck();
  await tab.page.locator("#trace-trap").check();
  await tab.page.locator("#trace-filter").fill("-#PF");
  await tab.page.locator("#trace-clear").click();
  await tab.type("fault divide");
  await tab.until(
    "the trap in the panel",
    async () => (await rows(tab, "#trace-rows")).some((row) => /#DE/.test(row)),
  );
  for (const row of await rows(tab, "#trace-rows")) assert.doesNotMatch(row, /#PF|multicall/);
});
