// The guided tour leads somewhere: every file it names is there.

import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);
const tour = await Deno.readTextFile(new URL("guest/README.md", root));

const exists = (path: string): boolean => {
  try {
    Deno.statSync(new URL(path, root));
    return true;
  } catch {
    return false;
  }
};

Deno.test("every file that guest/README.md names exists", () => {
  const start = tour.indexOf("## Skiff"), end = tour.indexOf("## What the guests share");
  const named = [...tour.slice(start, end).matchAll(/`([\w./]+(?:\.ts|\/))`/g)].map(([, p]) => p);
  assert(named.length > 60);
  for (const path of named) {
    const places = [path, `guest/skiff/${path}`, `core/wasm/${path}`];
    assert(places.some(exists), path);
  }
});

Deno.test("the tour has a stop for each subject of the self-test", async () => {
  const stops = tour.match(/^### .*$/gm)!.join("\n").toLowerCase();
  for await (const { name } of Deno.readDir(new URL("guest/skiff/checks/", root))) {
    const source = await Deno.readTextFile(new URL(`guest/skiff/checks/${name}`, root));
    for (const [, subject] of source.matchAll(/= subject\("([^"]+)"/g)) {
      if (subject === "processes") continue; // the system on top
      const words = subject.toLowerCase().split(" ");
      assert(words.every((word) => stops.includes(word.replace(/s$/, ""))), subject);
    }
  }
});
