/** Guests of random code (tests/guests/random_code.ts), one after another. */
import { runGuests } from "../guests/random_code_run.ts";
import type { Fuzz } from "./what.ts";

/** Guests that one worker runs. */
const BATCH = 200;

export const fuzzGuests: Fuzz = async ({ seconds, seed: first, say }) => {
  const result = { cases: 0, failures: 0 };
  const end = performance.now() + seconds * 1000;
  for (let seed = first & 0x3fffffff; performance.now() < end; seed += BATCH) {
    const problem = await runGuests(seed, BATCH);
    result.cases += BATCH;
    if (!problem) continue;
    // On a host with much else to do a slice may seem without end: it counts if it does so again.
    const which = Number(/^seed (\d+)/.exec(problem)?.[1] ?? seed);
    if (!await runGuests(which, 1)) {
      say(`fuzz: ${problem}, but not a second time`);
      continue;
    }
    result.failures++;
    say(`fuzz: ${problem}`);
  }
  return result;
};
