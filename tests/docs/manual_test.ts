/** What README.md and docs/ say of commands, options, files and the library is so. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { ROOT } from "../../core/build/inputs.ts";
import { helpText } from "../../core/host/cli/help.ts";
import { OPTION_NAMES } from "../../core/host/options.ts";

const read = (name: string) => Deno.readTextFileSync(new URL(name, ROOT));

/** Every page of ours that people read, by its path. */
function* pages(folder = ""): Generator<string> {
  for (const { name, isFile, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (name.startsWith(".") || ["dist", "node_modules"].includes(name)) continue;
    if (isFile && name.endsWith(".md")) yield folder + name;
    if (isDirectory) yield* pages(`${folder}${name}/`);
  }
}
const PAGES = [...pages()];

/** The flags in the first column of a page's tables. */
const flagsIn = (page: string) =>
  [...read(page).matchAll(/^\| `(--?[a-z-]+)/gm)].map(([, flag]) => flag);

Deno.test("docs/cli.md has the options that the command has, and README.md some of them", () => {
  const flags = [...helpText().matchAll(/^ {2}(--?[a-z-]+)/gm)].map(([, flag]) => flag);
  assert.ok(flags.length >= 14);
  assert.deepEqual(flagsIn("docs/cli.md").sort(), flags.sort());
  for (const flag of flagsIn("README.md")) assert.ok([...flags, "--help"].includes(flag), flag);
  const options = [...read("docs/cli.md").matchAll(/^\| `(\w+)` +\| (?:on|off) /gm)];
  assert.deepEqual(options.map(([, name]) => name).sort(), [...OPTION_NAMES].sort());
});

Deno.test("every deno task that is named exists, and CONTRIBUTING.md names all", () => {
  const tasks = Object.keys(project.tasks);
  const named = (text: string) =>
    [...text.matchAll(/deno(?:@[\d.]+)? task (?:-q )?([\w:]+)/g)].map(([, name]) => name);
  for (const page of PAGES) {
    for (const name of named(read(page))) assert.ok(tasks.includes(name), `${page}: ${name}`);
  }
  assert.deepEqual([...new Set(named(read("CONTRIBUTING.md")))].sort(), tasks.sort());
});

/** A heading's anchor, as GitHub makes it. */
const anchor = (heading: string) =>
  heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-");

Deno.test("links between pages lead somewhere", () => {
  let count = 0;
  for (const page of PAGES) {
    const text = read(page).replace(/^```[\s\S]*?^```$/gm, "");
    const links = [
      ...text.matchAll(/\]\(([^)\s]+)\)/g),
      ...text.matchAll(/(?:src|srcset)="([^"]+)"/g),
    ];
    for (const [, link] of links) {
      if (/^https?:/.test(link)) continue;
      count++;
      const [path, heading] = link.split("#");
      const target = path === "" ? new URL(page, ROOT) : new URL(path, new URL(page, ROOT));
      assert.ok(Deno.statSync(target), `${page}: ${link}`);
      if (heading === undefined) continue;
      const headings = [...Deno.readTextFileSync(target).matchAll(/^#+ (.*)$/gm)];
      assert.ok(headings.some(([, h]) => anchor(h) === heading), `${page}: ${link}`);
    }
  }
  assert.ok(count > 40, `${count} links`);
});

Deno.test("README.md's program does what it says", async () => {
  const program = /^```ts\n([\s\S]*?)^```$/m.exec(read("README.md"))![1]
    .replace('"./mod.ts"', JSON.stringify(new URL("mod.ts", ROOT).href));
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/program.ts`;
    await Deno.writeTextFile(file, program + 'console.log("ended by", name);\n');
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${fileURLToPath(new URL("deno.json", ROOT))}`,
        file,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(code, 0, complained);
    assert.match(said, /pid state cpu[\s\S]*ended by poweroff\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
