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
      translations += (await compare(randomGuest(seed), { evict: seed % 2 === 0 })).translations;
    }),
    { numRuns: 40, endOnFailure: true },
  );
  assert.ok(translations > 0, "something was translated");
});

Deno.test("loops over random instructions: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += (await compare(loopGuest(seed), { evict: seed % 2 === 0 })).translations;
    }),
    { numRuns: 80, endOnFailure: true },
  );
  assert.ok(translations > 25, `${translations} translations`);
});

Deno.test("loops that walk through memory: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += (await compare(walkingGuest(seed), { evict: seed % 2 === 0 })).translations;
    }),
    { numRuns: 60, endOnFailure: true },
  );
  assert.ok(translations > 60, `${translations} translations`);
});

Deno.test("loops over pages, remapped between, with hypercalls: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += (await compare(pagesGuest(seed), { evict: seed % 4 === 0 })).translations;
    }),
    { numRuns: 80, endOnFailure: true },
  );
  assert.ok(translations > 200, `${translations} translations`);
});

Deno.test("loops over PUSHA, segment loads, pages that are not there, system calls, upcalls, multicalls and address spaces: translated as interpreted", async () => {
  let translations = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
      translations += (await compare(kernelsGuest(seed), { evict: seed % 4 === 0 })).translations;
    }),
    { numRuns: 100, endOnFailure: true },
  );
  assert.ok(translations > 200, `${translations} translations`);
});

/** Guests of each kind that are run with the second tier. */
const OPTIMISED = 12;

for (
  const [what, make] of [
    ["random code", randomGuest],
    ["loops over random instructions", loopGuest],
    ["loops that walk through memory", walkingGuest],
    ["loops over pages", pagesGuest],
    ["loops over system calls and address spaces", kernelsGuest],
  ] as const
) {
  Deno.test(`${what}: optimised as interpreted`, async () => {
    let optimised = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(0x7fffffff), async (seed) => {
        optimised +=
          (await compare(make(seed), { optimise: true, evict: seed % 4 === 0 })).optimised;
      }),
      { numRuns: OPTIMISED, endOnFailure: true },
    );
    assert.ok(optimised > OPTIMISED / 4, `${optimised} regions optimised`);
  });
}
