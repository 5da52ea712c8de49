/** Failing seeds after which it is not worth going on: most are of one kind. */
const ENOUGH = 3;

/** A fuzzer of what is run by seed and reports what went wrong. */
import type { Fuzz } from "./what.ts";

/** @param run carries a seed out: how many cases it tried, and the report, "" if nothing is wrong */
export function fuzzSeeds(run: (seed: number) => Promise<{ cases: number; wrong: string }>): Fuzz {
  return async ({ seconds, seed: first, say }) => {
    const result = { cases: 0, failures: 0 };
    const end = performance.now() + seconds * 1000;
    for (
      let seed = first;
      performance.now() < end && result.failures < ENOUGH;
      seed = (seed + 1) >>> 0
    ) {
      const { cases, wrong } = await run(seed);
      result.cases += cases;
      if (!wrong) continue;
      result.failures++;
      say(`fuzz: ${wrong}`);
    }
    return result;
  };
}
