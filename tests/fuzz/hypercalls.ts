/** Hostile domains (tests/hypercalls/hostile), seed after seed. Cases are hypercalls. */
import { runHostile } from "../hypercalls/hostile/run.ts";
import { fuzzSeeds } from "./seeds.ts";

export const fuzzHypercalls = fuzzSeeds(async (seed) => {
  const tally = { calls: 0, slices: 0, ended: 0 };
  const wrong = await runHostile(seed, tally);
  // seeds share a machine: after a failure the next has a new one, which says whether it fails by itself
  const alone = wrong !== "" && await runHostile(seed, { ...tally }) !== "";
  return {
    cases: tally.calls,
    wrong: wrong && !alone ? `only after those before it: ${wrong}` : wrong,
  };
});
