/** Domains of any size: the least that fits, and one that needs both blocks of the M2P. */
import assert from "node:assert/strict";
import { bootByCommandLine } from "./cli.ts";

for (const memory of ["4", "3072"]) {
  Deno.test(`the built-in guest boots in ${memory} MiB`, async () => {
    const { status, stdout, stderr } = await bootByCommandLine(["--timeout", "30", "-m", memory]);
    assert.match(
      stdout,
      new RegExp(`memory: ${Number(memory) * 256} pages, ${memory} MiB`),
      stderr,
    );
    assert.match(stdout, /selftest: \d+ ok, 0 failed/);
    assert.equal(status, 0, stderr);
  });
}

Deno.test("a domain too small for its guest is refused before it exists", async () => {
  const { status, stdout, stderr } = await bootByCommandLine(["--timeout", "30", "-m", "3"]);
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^paravane: .*the domain has 3 MiB of memory\n$/);
});
