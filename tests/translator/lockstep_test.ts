/** Interpreter against translator; see lockstep.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compare,
  kernelsGuest,
  loopGuest,
  pagesGuest,
  randomGuest,
  walkingGuest,
} from "./lockstep.ts";

Deno.test("random code: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += await compare(randomGuest(seed), seed % 2 === 0);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  assert.ok(translations > 0, "something was translated");
});

Deno.test("loops over random instructions: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += await compare(loopGuest(seed), seed % 2 === 0);
    }),
    { numRuns: 80, endOnFailure: true },
  );
  assert.ok(translations > 25, `${translations} translations`);
});

Deno.test("loops that walk through memory: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += await compare(walkingGuest(seed), seed % 2 === 0);
    }),
    { numRuns: 60, endOnFailure: true },
  );
  assert.ok(translations > 60, `${translations} translations`);
});

Deno.test("loops over pages, remapped between, with hypercalls: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += await compare(pagesGuest(seed), seed % 4 === 0);
    }),
    { numRuns: 80, endOnFailure: true },
  );
  assert.ok(translations > 200, `${translations} translations`);
});

Deno.test("loops over PUSHA, segment loads, pages that are not there, system calls, upcalls, multicalls and address spaces: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += await compare(kernelsGuest(seed), seed % 4 === 0);
    }),
    { numRuns: 100, endOnFailure: true },
  );
  assert.ok(translations > 200, `${translations} translations`);
});
