/** The npm package: installed from its tarball it is a library with types, and a command. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import ts from "typescript";
import project from "../../deno.json" with { type: "json" };
import { pack } from "../../core/build/pack.ts";
import { ROOT } from "../../core/build/inputs.ts";
import { guestForTest } from "../guests/debian.ts";
import { hasNode, run } from "./process.ts";

/** What a reader of the README would write first. */
const PROGRAM = `
import { createMachine, loadGuest } from "paravane";

const machine = await createMachine();
const domain = await machine.addDomain((await loadGuest("skiff"))!, { memory: 16 });
const input = domain.console.writable.getWriter();
await input.write(new TextEncoder().encode("echo from a package\\nhalt\\n"));
for await (const text of domain.console.readable.pipeThrough(new TextDecoderStream())) {
  console.log(text);
}
const { name }: { name: string } = await domain.shutdown;
console.log("the guest ended by " + name);
await machine.close();
`;

/** Has a guest work until its code is optimised, and says so. */
const BUSY = `
import { createMachine, loadGuest } from "paravane";

const machine = await createMachine();
const domain = await machine.addDomain(await loadGuest("skiff"), { memory: 16 });
await domain.console.writable.getWriter().write(new TextEncoder().encode("hog 300\\n"));
await new Promise((resolve) => machine.subscribe({ kinds: ["jit"] }, ({ text }) => {
  if (!text.includes("optimised")) return;
  console.log(text);
  resolve();
}));
await machine.close();
`;

/** What TypeScript says of a program that uses the package, with nothing of Deno's or Node's known to it. */
function complaints(file: string): string[] {
  const checked = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    types: [],
  });
  return ts.getPreEmitDiagnostics(checked).map(({ file, start, messageText }) =>
    `${file?.fileName}:${start}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
  );
}

Deno.test("the npm package: installed from its tarball it boots guests", async (t) => {
  if (!await hasNode()) return;
  const folder = new URL(`file://${await Deno.makeTempDir()}/`);
  const path = (name: string) => fileURLToPath(new URL(name, folder));
  const put = (name: string, text: string) => Deno.writeTextFile(path(name), text);
  try {
    const tarball = fileURLToPath(await pack());
    await put("package.json", `{ "name": "consumer", "private": true, "type": "module" }`);
    // it depends on nothing, so nothing is to be fetched
    const installed = await run(
      "npm",
      ["install", "--offline", "--no-audit", "--no-fund", tarball],
      { cwd: folder },
    );
    assert.equal(installed.code, 0, installed.stderr);

    await t.step("a program of a few lines", async () => {
      await put("program.ts", PROGRAM);
      assert.deepEqual(complaints(path("program.ts")), []);
      await put("program.js", ts.transpile(PROGRAM, { target: ts.ScriptTarget.ES2022 }));
      const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-check"];
      for (const [host, ...args] of [["node"], deno]) {
        const ran = await run(host, [...args, "program.js"], { cwd: folder });
        assert.equal(ran.code, 0, ran.stderr);
        assert.match(ran.stdout, /^from a package\r?$/m);
        assert.match(ran.stdout, /^the guest ended by poweroff$/m);
      }
    });

    await t.step("with Binaryen beside it the hottest regions are optimised", async () => {
      await put("busy.js", BUSY);
      const binaryen = new URL(".", import.meta.resolve("binaryen"));
      await Deno.symlink(fileURLToPath(binaryen), path("node_modules/binaryen"));
      for (const [host, ...args] of [["node"], [Deno.execPath(), "run", "-A", "--quiet"]]) {
        const ran = await run(host, [...args, "busy.js"], { cwd: folder });
        assert.equal(ran.code, 0, ran.stderr);
        assert.match(ran.stdout, /^optimised the region at /, ran.stderr);
      }
      await Deno.remove(path("node_modules/binaryen"));
    });

    await t.step("types are told apart", async () => {
      await put(
        "wrong.ts",
        PROGRAM.replace("memory: 16", `memory: "16"`),
      );
      assert.match(complaints(path("wrong.ts")).join("\n"), /string.*not assignable.*number/);
    });

    await t.step("the command tells its version and what it takes", async () => {
      const command = path("node_modules/.bin/paravane");
      const version = await run(command, ["version"]);
      assert.deepEqual(version, { code: 0, stdout: `paravane ${project.version}\n`, stderr: "" });
      const usage = await run(command, ["fly"]);
      assert.equal(usage.code, 1);
      assert.match(usage.stderr, /^usage: paravane boot/);
      const missing = await run(command, ["boot", "no such file"]);
      assert.equal(missing.code, 1);
      assert.match(missing.stderr, /^paravane: .*neither a file nor a built-in guest\n$/);
      assert.match((await run(command, ["boot", "--help"])).stdout, /--vcpus/);
    });

    await t.step("the command boots GRUB, in Node and in Deno", async () => {
      const grub = await guestForTest("grub-i386-xen.bin");
      if (!grub) return;
      const hosts = [
        [path("node_modules/.bin/paravane")],
        [Deno.execPath(), "run", "-A", "--quiet", path("node_modules/paravane/command.js")],
      ];
      for (const [host, ...args] of hosts) {
        const { code, stdout, stderr } = await run(
          host,
          [...args, "boot", "--timeout", "60", fileURLToPath(grub)],
          { input: "echo hello\nhalt\n", cwd: folder },
        );
        assert.equal(code, 0, stderr);
        const lines = stripVTControlCharacters(stdout).split(/[\r\n]+/).map((line) => line.trim());
        assert.ok(lines.includes("hello"), stdout);
      }
    });

    await t.step("the command makes an image that the bare module runs", async () => {
      const made = await run(
        path("node_modules/.bin/paravane"),
        ["image", "skiff", "-m", "16", "-o", "skiff.image"],
        { cwd: folder },
      );
      assert.equal(made.code, 0, made.stderr);
      const bare = fileURLToPath(new URL("examples/bare.mjs", ROOT));
      const { code, stdout, stderr } = await run(
        "node",
        [bare, "node_modules/paravane/paravane.wasm", "skiff.image"],
        { input: "echo bare\nhalt\n", cwd: folder },
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^bare\r?$/m);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
