/** Images that are no good, by the command line: one line on standard error, exit status 1. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BROKEN } from "../host/elf/broken.ts";
import { bootByCommandLine } from "./cli.ts";

const BOOT_EACH = fileURLToPath(new URL("boot_each.ts", import.meta.url));
const README = fileURLToPath(new URL("../../README.md", import.meta.url));

Deno.test("broken images: the command refuses each with one line and status 1", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files: string[] = [];
    for (const [index, [, , make]] of BROKEN.entries()) {
      files.push(`${folder}/image-${index}`);
      await Deno.writeFile(files[index], await make());
    }
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", BOOT_EACH, ...files],
      stdin: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "");
    const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
    for (const [index, [name, reason]] of BROKEN.entries()) {
      const [said, status] = lines.slice(index * 2, index * 2 + 2);
      assert.equal(status, "status 1", `${name}: ${said}\n${status}`);
      assert.match(said, /^paravane: /, name);
      assert.match(said, reason, name);
    }
    assert.equal(lines.length, BROKEN.length * 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file that is no image at all", async () => {
  const { status, stdout, stderr } = await bootByCommandLine([README]);
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^paravane: .*README\.md: not an ELF image.*\n$/);
});
