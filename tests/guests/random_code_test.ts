/**
 * Whatever a guest executes: the core comes back at the end of the slice, never traps or throws, and
 * every reference and type count of machine memory is right afterwards.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { runGuests } from "./random_code_run.ts";

const GUESTS = 150;
Deno.test("random code neither hangs nor traps the core, and leaves every count right", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff - GUESTS), async (first) => {
      assert.equal(await runGuests(first, GUESTS), "");
    }),
    { numRuns: 1, endOnFailure: true },
  );
});
