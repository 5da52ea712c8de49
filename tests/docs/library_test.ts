/** The library's own documentation: nothing exported is without a comment, its examples run, its pages can be made. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../core/build/inputs.ts";
import { run } from "../library/process.ts";

/** Runs a subcommand of deno at the top of the tree. */
async function deno(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(Deno.execPath(), args, { cwd: ROOT });
  assert.equal(code, 0, stdout + stderr);
  return stdout + stderr;
}

Deno.test("every exported symbol and member has a comment, and what its type names is exported", async () => {
  await deno("doc", "--lint", "mod.ts");
});

Deno.test("the examples in comments run", async () => {
  const files = [
    "mod.ts",
    ...["create_machine", "machine", "domain", "error"].map((name) => `core/host/${name}.ts`),
  ];
  const said = await deno("test", "-A", "--doc", ...files);
  assert.ok(Number(/(\d+) passed/.exec(said)?.[1]) >= 5, said);
});

Deno.test("pages are made of them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await deno("doc", "--html", "--name=Paravane", `--output=${folder}`, "mod.ts");
    const page = await Deno.readTextFile(`${folder}/~/Machine.html`);
    assert.match(page, /addDomain/);
    const index = await Deno.readTextFile(fileURLToPath(new URL("deno.json", ROOT)));
    assert.match(index, /"api": "deno doc --html --name=Paravane --output=dist\/api mod.ts"/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
