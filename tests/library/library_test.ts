/**
 * The bundled library does the same in Node, in Deno without any permission, and in a browser's blank page: one
 * program, run by each.
 */
import assert from "node:assert/strict";
import { bundleLibrary } from "../../core/build/bundle.ts";
import { serve } from "../../web/build/serve.ts";
import { chromiumForTest } from "../web/chromium.ts";
import { hasNode, run } from "./process.ts";
import type { program } from "./program.mjs";

type Seen = Awaited<ReturnType<typeof program>>;

/** A folder with the library, the program, and a module that runs it and prints what it saw. */
async function library(): Promise<AsyncDisposable & { folder: URL }> {
  const folder = new URL(`file://${await Deno.makeTempDir()}/`);
  for (const [name, bytes] of Object.entries(await bundleLibrary())) {
    await Deno.writeFile(new URL(name, folder), bytes);
  }
  const program = await Deno.readTextFile(new URL("program.mjs", import.meta.url));
  // .js, as the page's server knows no .mjs
  await Deno.writeTextFile(new URL("program.js", folder), program);
  await Deno.writeTextFile(
    new URL("run.js", folder),
    `import * as library from "./paravane.js";
     import { program } from "./program.js";
     console.log(JSON.stringify(await program(library)));`,
  );
  await Deno.writeTextFile(new URL("package.json", folder), `{ "type": "module" }`);
  await Deno.writeTextFile(new URL("index.html", folder), "<!doctype html><title>blank</title>");
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** Runs the program as a process of its own. */
async function runIn(folder: URL, command: string, ...args: string[]): Promise<Seen> {
  const { code, stdout, stderr } = await run(command, [...args, "run.js"], { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

function check(seen: Seen): void {
  assert.match(seen.output, /selftest: \d+ ok, 0 failed/);
  assert.match(seen.output, /^from the library\r?$/m);
  assert.match(seen.output, /panic: crash asked for/);
  assert.equal(seen.name, "crash");
  // the disassembler is there
  assert.match(seen.report, /at [0-9a-f]{8} <hypercall_page\+0x[0-9a-f]+>: ret/);
  assert.match(seen.translated, /^region at [0-9a-f]+: \d+ blocks/);
  for (const name of ["mmuext_op", "multicall", "sched_op"]) {
    assert.ok(seen.hypercalls.includes(name), `${name} was not seen, of ${seen.hypercalls}`);
  }
  assert.equal(seen.none, null);
}

Deno.test("library: in Node", async () => {
  if (!await hasNode()) return;
  await using made = await library();
  check(await runIn(made.folder, "node"));
});

Deno.test("library: in Deno, without any permission", async () => {
  await using made = await library();
  check(await runIn(made.folder, Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-config"));
});

Deno.test({
  name: "library: in a browser's blank page",
  // what playwright keeps open
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const browser = await chromiumForTest();
  if (!browser) return;
  await using made = await library();
  const server = serve(made.folder, 0);
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`http://127.0.0.1:${server.addr.port}/index.html`);
    const seen = await page.evaluate(
      `Promise.all(["./program.js", "./paravane.js"].map((name) => import(name)))
        .then(([{ program }, library]) => program(library))`,
    );
    check(seen as Seen);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await server.shutdown();
  }
});
