/** What a visit loads before the prompt is small, and what is heavy waits until somebody looks at it. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { buildSite } from "./site.ts";

/** Bytes, as a host's gzip sends them. */
const FIRST = 360_000;

/** Words that only these have. */
const MARKS = {
  "the charts' library": "u-over",
  "the x86 disassembler": "__wbindgen_placeholder__",
  "the WebAssembly disassembler": "parseWat",
  "the translator": "metadata.code.branch_hint",
};

/** Scripts that are loaded with one, however far, and itself; what it imports later is not among them. */
function loadedWith(folder: URL, name: string, found = new Map<string, string>()) {
  if (found.has(name)) return found;
  const text = Deno.readTextFileSync(new URL(name, folder));
  found.set(name, text);
  for (const [, other] of text.matchAll(/\b(?:import|from)"\.\/([\w-]+\.js)"/g)) {
    loadedWith(folder, other, found);
  }
  return found;
}

Deno.test("size: a visit loads a third of a megabyte, without charts, disassemblers and translator", async () => {
  const folder = await buildSite();
  const scripts = new Map(
    ["main.js", "machine.js"].flatMap((name) => [...loadedWith(folder, name)]),
  );
  const all = [...scripts.values()].join("\n");
  for (const [what, mark] of Object.entries(MARKS)) {
    const holder = [...Deno.readDirSync(folder)]
      .find(({ name }) =>
        name.endsWith(".js") && Deno.readTextFileSync(new URL(name, folder)).includes(mark)
      );
    assert.ok(holder, `${what} is not known by ${mark} any more`);
    assert.ok(!all.includes(mark), `${what} is loaded before anybody asks for it`);
  }
  const others = ["index.html", "main.css", "paravane.wasm", "skiff.elf"];
  const size = [...scripts.keys(), ...others]
    .reduce((sum, name) => sum + gzipSync(Deno.readFileSync(new URL(name, folder))).length, 0);
  assert.ok(size < FIRST, `${size} bytes`);
});
