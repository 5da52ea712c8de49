/** Debian's GRUB for Xen, a kernel no one here wrote, comes to its prompt, obeys and shuts down. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { bootByCommandLine } from "./cli.ts";
import { guestForTest } from "./debian.ts";

Deno.test("GRUB: takes commands at its prompt and halts", async () => {
  const image = await guestForTest("grub-i386-xen.bin");
  if (!image) return;
  const { status, stdout, stderr } = await bootByCommandLine(
    ["--timeout", "60", fileURLToPath(image)],
    "echo hello\nset\nls\nhalt\n",
  );
  // The prompt echoes what is typed, with cursor movements between; answers stand on lines of
  // their own.
  const lines = stripVTControlCharacters(stdout).split(/[\r\n]+/).map((line) => line.trim());
  assert.match(stdout, /grub> /, stderr);
  assert(lines.includes("hello"), `no answer to echo:\n${stdout}`);
  assert(lines.some((line) => line === "grub_platform=xen"), `no answer to set:\n${stdout}`);
  assert(lines.some((line) => line === "grub_cpu=i386"), `no answer to set:\n${stdout}`);
  assert(lines.some((line) => /^\((proc|memdisk)\)/.test(line)), `no answer to ls:\n${stdout}`);
  assert.equal(status, 0, stderr);
});
