/** The page boots guests: the one that comes with it, by a link, and files that people give. */
import assert from "node:assert/strict";
import { pageTest } from "./rig.ts";

pageTest("the page boots Skiff to its prompt, and a command answers", async (tab) => {
  await tab.boot();
  await tab.type("echo seventeen and four");
  await tab.sees(/^seventeen and four$/m);
  assert.match(await tab.page.title(), /Paravane/);
});
