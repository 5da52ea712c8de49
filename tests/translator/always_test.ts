/** Skiff's self-test, every block of it translated as soon as the interpreter has met it. */
import assert from "node:assert/strict";
import { bootByCommandLine } from "../guests/cli.ts";

Deno.test("Skiff's self-test with all its code translated", async () => {
  const flags = ["--jit", "always", "--trace", "jit", "--timeout", "100"];
  const { status, stdout, stderr } = await bootByCommandLine([...flags, "skiff"], "");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^selftest: \d+ ok, 0 failed/m);
  const regions = stderr.split("\n").filter((l) => l.startsWith("jit: region at "));
  assert.ok(regions.length > 500, `${regions.length} regions`);
});
