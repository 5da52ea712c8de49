/// <reference lib="dom" />
/** Pause, step, start, reset, and how guests end. */
import assert from "node:assert/strict";
import { crashes } from "../cli/tiny_guest.ts";
import { pageTest, type Tab } from "./rig.ts";

const button = (tab: Tab, name: string) => tab.page.locator(`#${name}`);
const statusText = (tab: Tab) => tab.page.locator("#status").innerText();

pageTest("a paused guest does nothing until it is started again", async (tab) => {
  await tab.boot();
  await button(tab, "pause").click();
  await tab.status("paused");
  assert.match(await statusText(tab), /Paused at [0-9a-f]{8}/);
  const before = await tab.console();
  await tab.type("echo one two");
  await tab.page.waitForTimeout(500);
  assert.equal(await tab.console(), before);
  await button(tab, "start").click();
  await tab.sees(/^one two$/m);
});

/** A register on the paused guest's card. */
const register = (tab: Tab, name: string) =>
  tab.page.locator(`#paused-registers [data-register=${name}]`).innerText();

pageTest(
  "a paused guest shows its next instruction and registers, a step what changed",
  async (tab) => {
    await tab.boot();
    await tab.type("hog &");
    await tab.sees(/hog &[\s\S]*skiff> *$/);
    const card = tab.page.locator("#paused");
    assert.ok(await card.isHidden());
    // in the loop, to be sure of what a step does
    const title = () => tab.page.locator("#paused-title").innerText();
    const code = () => tab.page.locator("#paused-code").innerText();
    do {
      if (await card.isVisible()) await button(tab, "start").click();
      await tab.status("running");
      await button(tab, "pause").click();
      await tab.status("paused");
      await tab.until("the code", async () => /^[0-9a-f]{8} /.test(await code()));
    } while (!/<u_spin.*ring 3/.test(await title()));
    const lines = (await code()).split("\n");
    assert.equal(lines.length, 5);
    const [eip] = lines[0].split(" ");
    assert.equal(await register(tab, "eip"), `eip ${eip}`);
    assert.match(await register(tab, "cs"), /^cs [0-9a-f]+[37bf]$/);
    await button(tab, "step").click();
    await tab.until("another instruction", async () => !(await code()).startsWith(eip));
    const changed = await tab.page.locator("#paused-registers mark").allInnerTexts();
    assert.ok(changed.includes((await code()).slice(0, 8)), "EIP has changed, and is not marked");
    await button(tab, "start").click();
    await tab.status("running");
    assert.ok(await card.isHidden());
  },
);

pageTest("a busy guest is stepped, an instruction at a time", async (tab) => {
  await tab.boot();
  await tab.type("bench -m &");
  await tab.page.waitForTimeout(200);
  await button(tab, "pause").click();
  await tab.status("paused");
  const places = new Set([await statusText(tab)]);
  for (let i = 0; i < 20; i++) {
    await button(tab, "step").click();
    await tab.status("paused");
    places.add(await statusText(tab));
  }
  assert.ok(places.size > 1, `20 steps led to ${[...places]}`);
  await button(tab, "start").click();
  await tab.status("running");
});

pageTest("a step of a guest that waits ends when it is given something to do", async (tab) => {
  await tab.boot("#guest=skiff");
  await button(tab, "pause").click();
  await tab.status("paused");
  await button(tab, "step").click();
  // Skiff's timer wakes it sooner or later, and a key does so at once
  await tab.page.locator("#terminal textarea").focus();
  await tab.page.keyboard.type("x");
  await tab.status("paused");
});

pageTest("reset boots the same guest anew", async (tab) => {
  await tab.boot("#guest=skiff&memory=32&cmdline=again");
  await tab.type("echo before");
  await tab.sees(/^before$/m);
  await button(tab, "reset").click();
  await tab.until("the old console to go", async () => !/before/.test(await tab.console()));
  await tab.prompt();
  assert.match(await tab.console(), /command line "again"[\s\S]*memory: 8192 pages/);
});

pageTest(
  "a guest that asks for a reboot gets it; one that powers off can be started",
  async (tab) => {
    await tab.boot();
    // what is typed is not shown at once: the old console is known by what it has answered
    await tab.type("echo before");
    await tab.sees(/^before$/m);
    await tab.type("reboot");
    await tab.until("the old console to go", async () => !/before/.test(await tab.console()));
    await tab.prompt();
    await tab.type("halt");
    await tab.status("ended");
    assert.match(await statusText(tab), /poweroff/);
    assert.ok(await tab.page.locator("#crash").isHidden());
    await button(tab, "start").click();
    await tab.prompt();
  },
);

pageTest("a crash shows its report: the guest's own", async (tab) => {
  await tab.boot();
  await tab.type("crash");
  await tab.status("crash");
  await tab.sees(/panic: crash asked for/);
  const report = await tab.page.locator("#crash-report").innerText();
  assert.match(report, /eip [0-9a-f]{8}/);
  assert.match(report, /HYPERVISOR_sched_op/);
  await button(tab, "crash-copy").click();
  assert.equal(await tab.page.evaluate(() => navigator.clipboard.readText()), report.trim());
  // a panic is about the place where the guest called for its end
  await button(tab, "crash-memory").click();
  await tab.page.locator("#memory-rows tr[data-crash]").first().waitFor();
  assert.match(
    await tab.page.locator("#memory-note").innerText(),
    /of the crash \(EIP\), is mapped/,
  );
  await button(tab, "reset").click();
  await tab.prompt();
  assert.ok(await tab.page.locator("#crash").isHidden());
}, { permissions: ["clipboard-read", "clipboard-write"] });

pageTest("a crash shows its report: the hypervisor ended the guest", async (tab) => {
  await tab.open();
  await tab.bootFile("ud2.elf", crashes());
  await tab.status("crash");
  const report = await tab.page.locator("#crash-report").innerText();
  assert.match(report, /eax 12345678/);
  assert.match(report, /ud2/);
  assert.match(await tab.page.locator("#crash-title").innerText(), /^The guest crashed: \S/);
});

pageTest("the theme is chosen by its button, and kept", async (tab) => {
  await tab.boot();
  const background = () =>
    tab.page.locator("body").evaluate((body) => getComputedStyle(body).backgroundColor);
  const light = await background();
  await button(tab, "theme").click();
  assert.equal(await button(tab, "theme").getAttribute("aria-label"), "Theme: light");
  assert.equal(await background(), light);
  await button(tab, "theme").click();
  assert.equal(await button(tab, "theme").getAttribute("aria-label"), "Theme: dark");
  const dark = await background();
  assert.notEqual(dark, light);
  await tab.page.reload();
  await tab.prompt();
  assert.equal(await background(), dark);
}, { colorScheme: "light" });

pageTest("the link is copied", async (tab) => {
  await tab.boot("#guest=skiff&memory=48");
  await tab.page.evaluate(() => history.replaceState(null, "", location.pathname));
  await button(tab, "copy-link").click();
  const copied = await tab.page.evaluate(() => navigator.clipboard.readText());
  assert.equal(new URL(copied).hash, "#guest=skiff&memory=48");
}, { permissions: ["clipboard-read", "clipboard-write"] });
