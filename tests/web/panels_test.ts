/** The panels show what the guest does and has. */
import assert from "node:assert/strict";
import { ends, faults } from "../cli/tiny_guest.ts";
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

pageTest("hypercalls: a guest's first ones, however short its life", async (tab) => {
  await tab.boot();
  await show(tab, "hypercalls");
  await tab.bootFile("ends.elf", ends(0));
  await tab.status("ended");
  await tab.until("its only call", async () => {
    const all = await rows(tab, "#trace-rows");
    return all.length === 1 && /^1 d1v0 sched_op shutdown, poweroff/.test(all[0]);
  });
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

pageTest(
  "address space: an address's way through the tables, with what the frames are",
  async (tab) => {
    await tab.boot();
    await show(tab, "memory");
    await tab.page.locator("#memory-address").fill("c0000000");
    await tab.page.locator("#memory-find").click();
    const way = tab.page.locator("#memory-rows tr[data-marked]");
    await tab.until("three levels", async () => await way.count() === 3);
    const [l3, l2, l1] = await way.evaluateAll((rows) =>
      rows.map((row) => [...row.children].map((cell) => cell.textContent!.trim()).join(" "))
    );
    // an L3 entry leads to a frame of type L2, and so on; all are the guest's
    assert.match(l3, /L3\[3\] c0000000 .* L2 ×\d+ .*d1/);
    assert.match(l2, /L2\[0\] c0000000 .* L1 ×\d+ .*d1/);
    assert.match(l1, /L1\[0\] c0000000 .*d1/);
    await tab.page.locator("#memory-address").fill("deadb000");
    await tab.page.locator("#memory-find").click();
    await tab.until(
      "a word that nothing is there",
      async () => /deadb000 is not mapped/.test(await tab.page.locator("#memory-note").innerText()),
    );
  },
);

pageTest("address space: of a crash the faulting address is shown", async (tab) => {
  await tab.open();
  await tab.bootFile("faults.elf", faults(0xdead1234));
  await tab.status("crash");
  await show(tab, "memory");
  await tab.page.locator("#memory-rows tr[data-crash]").first().waitFor();
  assert.match(
    await tab.page.locator("#memory-note").innerText(),
    /dead1234, of the crash \(CR2\), is not mapped/,
  );
});

pageTest("events: the channels of each vCPU", async (tab) => {
  await tab.boot("#guest=skiff&vcpus=2");
  await show(tab, "events");
  const says = (what: RegExp) => async () =>
    what.test((await rows(tab, "#panel-events")).join("\n"));
  await tab.until("the console's channel", says(/^\d+ interdomain console v0/m));
  await tab.until("the second vCPU's timer", says(/^\d+ VIRQ TIMER v1/m));
  await tab.until("the callback", says(/^v1 .*<event_callback>/m));
});

pageTest("descriptors: segment registers, GDT and trap table", async (tab) => {
  await tab.boot();
  await show(tab, "descriptors");
  const says = (what: RegExp) => async () =>
    what.test((await rows(tab, "#panel-descriptors")).join("\n"));
  await tab.until("CS", says(/^CS 00\w\w 00000000/m));
  await tab.until("a code segment", says(/^0008 00000000 ffffffff code 32, read, accessed 1/m));
  await tab.until("a handler", says(/^0e #PF \S+ page_fault/m));
});

pageTest("hot code: x86 and the WebAssembly made of it", async (tab) => {
  await tab.boot();
  await show(tab, "blocks");
  await tab.type("hog &");
  const hot = tab.page.locator("#blocks-rows tr", { hasText: "u_spin" })
    .filter({ hasText: "translated" });
  await hot.locator("button").first().click();
  await tab.page.locator("#blocks-wasm", { hasText: /i(32|64)\.mul/ }).waitFor();
  const x86 = await tab.page.locator("#blocks-x86").innerText();
  assert.match(x86, /<u_spin/);
  assert.match(x86, /^[0-9a-f]{8} 0fafc1 +imul eax, ecx$/m);
});

pageTest("counters: they rise when the guest works", async (tab) => {
  await tab.boot();
  await show(tab, "counters");
  await tab.type("hog &");
  const now = tab.page.locator("#chart-instructions-now");
  await tab.until("millions of instructions", async () => parseFloat(await now.innerText()) > 1);
  assert.equal(await tab.page.locator("#panel-counters canvas").count(), 4);
  assert.match(await tab.page.locator("#chart-memory-now").innerText(), /^64/);
});
