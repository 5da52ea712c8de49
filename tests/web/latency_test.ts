/**
 * The page answers while its guest is at full speed. `LATENCY_SECONDS=30` measures for the half minute that issue
 * and documentation speak of; a test run has less time.
 *
 * Here alone a time is asserted: it is the requirement itself. Where others use the machine as well, the round that
 * was disturbed least says whether the page is in the way.
 */
import assert from "node:assert/strict";
import { floods } from "../cli/tiny_guest.ts";
import { measureLatency } from "./latency.ts";
import { pageTest, type Tab } from "./rig.ts";

const SECONDS = Number(Deno.env.get("LATENCY_SECONDS") ?? 8);
/** Milliseconds from a key to its character. */
const BOUND = 100;

async function measure(tab: Tab, what: string): Promise<void> {
  const { count, ...times } = await measureLatency(tab, SECONDS);
  const [median, best, ninetieth, worst] = Object.values(times).map((time) => time.toFixed(0));
  console.log(
    `latency, ${what}: median ${median} ms (best ten keys ${best} ms), 90 % within ${ninetieth} ms, ` +
      `worst ${worst} ms, ${count} keys`,
  );
  assert.ok(times.best < BOUND, `half of the keys took more than ${best} ms even at best`);
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
