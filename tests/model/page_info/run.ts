/** Sequences on frames and page tables by seed, shrunk when they fail. */
import { bySeed } from "../by_seed.ts";
import { Pair } from "./pair.ts";
import { perform } from "./perform.ts";
import type { Step } from "./acts.ts";
import { sequence } from "./steps.ts";

/** Steps of one seed. */
export const LENGTH = 150;

/** Steps between two of the core's own recounts. */
const AUDIT = 4;

async function begin(translated: boolean) {
  const pair = await Pair.create(translated);
  let steps = 0;
  return {
    step(s: Step) {
      perform(pair, s);
      pair.compare();
      if (++steps % AUDIT === 0) pair.audit(pair.sides[s.slot]);
    },
    end() {
      for (const side of pair.sides) pair.audit(side);
      pair.end();
    },
  };
}

const forget = () => Pair.forget();

export const runSeed = bySeed<Step>(LENGTH, sequence, () => begin(false), forget);

/** Many more runs of the guests' own code, which is translated as soon as it has run. */
export const runTranslated = bySeed<Step>(
  LENGTH,
  (r, length) => sequence(r, length, 6),
  () => begin(true),
  forget,
);
