/** What all properties try follows from a seed, which a failure tells. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { seedOf } from "./fast_check.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** What properties try in a process of its own. */
async function triedWith(seed: string): Promise<string> {
  const program = `import fc from "fast-check";
    const tried = [];
    fc.assert(fc.property(fc.nat(), (n) => void tried.push(n)), { numRuns: 5 });
    await fc.assert(fc.asyncProperty(fc.string(), async (s) => void tried.push(await s)), { numRuns: 5 });
    console.log(JSON.stringify(tried));`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--ext=ts", program],
    cwd: ROOT,
    env: { PARAVANE_SEED: seed },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("PARAVANE_SEED is a number of 32 bits, or nothing", () => {
  for (const none of [undefined, ""]) assert.equal(seedOf(none), undefined);
  for (const [text, seed] of [["0", 0], ["7", 7], ["-7", -7], ["4294967295", -1]] as const) {
    assert.equal(seedOf(text), seed);
  }
  for (const bad of ["x", "1.5", "4294967296", "-2147483649"]) {
    assert.throws(() => seedOf(bad), RangeError);
  }
});

Deno.test("properties try the same again with the same seed, and otherwise something new", async () => {
  const [one, again, other, free, freeAgain] = await Promise.all(
    ["7", "7", "8", "", ""].map(triedWith),
  );
  assert.equal(one, again);
  assert.notEqual(one, other);
  assert.notEqual(free, freeAgain);
});

Deno.test("a property that fails says with which seed, and that seed fails in the same way", async () => {
  const small = fc.property(fc.nat(), (n) => n < 1000);
  const failure = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("it does not fail");
  };
  const message = failure(() => fc.assert(small));
  const seed = Number(/PARAVANE_SEED=(-?\d+) /.exec(message)?.[1]);
  assert.equal(failure(() => fc.assert(small, { seed })), message);
  await assert.rejects(
    () => fc.assert(fc.asyncProperty(fc.nat(), async (n) => await n < 1000), { seed }),
    { message },
  );
});
