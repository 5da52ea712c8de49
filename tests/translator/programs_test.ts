/** 20,000 small programs, interpreted and translated in lockstep; see programs.ts and lockstep_programs.ts. */
import assert from "node:assert/strict";
import { comparePrograms } from "./programs_run.ts";

const GUESTS = 160, PROGRAMS = 125;

Deno.test("20,000 random programs with faults, interrupts and code written over: translated as interpreted", async () => {
  const wrong: string[] = [];
  let [regions, optimised, slices, guests] = [0, 0, 0, 0];
  const seeds = Array.from({ length: GUESTS }, (_, n) => n + 1);
  await comparePrograms(seeds, PROGRAMS, (seed, compared) => {
    if (compared.difference) wrong.push(`seed ${seed}: ${compared.difference}`);
    regions += compared.regions;
    optimised += compared.optimised;
    slices += compared.slices;
    guests++;
  });
  assert.deepEqual(wrong, []);
  assert.equal(guests, GUESTS);
  assert.ok(regions > GUESTS * PROGRAMS, `${regions} regions`);
  assert.ok(optimised > PROGRAMS, `${optimised} regions optimised`);
  assert.ok(slices > 2 * GUESTS * PROGRAMS, `${slices} slices`);
});
