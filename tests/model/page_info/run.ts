/** Sequences on frames and page tables by seed, shrunk when they fail. */
import { bySeed } from "../by_seed.ts";
import { Pair } from "./pair.ts";
import { perform } from "./perform.ts";
import { sequence, type Step } from "./steps.ts";

/** Steps of one seed. */
export const LENGTH = 150;

export const runSeed = bySeed<Step>(LENGTH, sequence, async () => {
  const pair = await Pair.create();
  return {
    step(s) {
      perform(pair, s);
      pair.compare();
      pair.audit(pair.sides[s.slot]);
    },
    end() {
      for (const side of pair.sides) pair.audit(side);
      pair.end();
    },
  };
}, () => Pair.forget());
