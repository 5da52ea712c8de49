/**
 * The page answers while its guest is at full speed. `LATENCY_SECONDS=30` measures for the half minute that issue
 * and documentation speak of; a test run has less time.
 *
 * Here alone a time is asserted: it is the requirement itself. Of a machine that others use as well the median of
 * many keys says whether the page is in the way.
 */
import assert from "node:assert/strict";
import { floods } from "../cli/tiny_guest.ts";
import { measureLatency } from "./latency.ts";
import { pageTest, type Tab } from "./rig.ts";

const SECONDS = Number(Deno.env.get("LATENCY_SECONDS") ?? 8);
/** Milliseconds from a key to its character. */
const BOUND = 100;

async function measure(tab: Tab, what: string): Promise<void> {
  const { count, median, ninetieth, worst } = await measureLatency(tab, SECONDS);
  const [m, n, w] = [median, ninetieth, worst].map((time) => time.toFixed(0));
  console.log(
    `latency, ${what}: median ${m} ms, 90 % within ${n} ms, worst ${w} ms, ${count} keys`,
  );
  assert.ok(count > SECONDS, `only ${count} keys in ${SECONDS} s`);
  assert.ok(median < BOUND, `half of the keys took more than ${m} ms`);
}

pageTest("a key's character comes within 100 ms while the guest is busy", async (tab) => {
  await tab.boot();
  await tab.type("hog &");
  await tab.sees(/hog &[\s\S]*skiff> *$/);
  await measure(tab, "guest computes");
});

pageTest("the page answers while its guest floods the log", async (tab) => {
  await tab.open();
  await tab.bootFile("floods.elf", floods("a line of no interest\n"));
  await tab.until(
    "the log",
    async () => Number(await tab.page.locator("#log-count").innerText()) >= 1000,
  );
  await tab.page.locator("#log summary").click();
  await tab.page.waitForTimeout(1000);
  await tab.page.locator("#pause").click();
  await tab.status("paused");
  // what is kept has a bound
  const lines = (await tab.page.locator("#log-lines").textContent())!.split("\n").length;
  assert.ok(lines <= 1000, `${lines} lines`);
});
