/** Compares guests of many programs away from the test's own thread: takes seeds, says what came of each. */
import { type Compared, type Eagerness, ProgramsLockstep } from "./lockstep_programs.ts";

export interface ProgramsRequest {
  seeds: number[];
  programs: number;
}

const scope = self as unknown as {
  onmessage: (e: MessageEvent<ProgramsRequest>) => void;
  postMessage(m: "ready" | { seed: number; compared: Compared } | "done"): void;
};

/** One seed in 32 has all code translated that is met, as many have it optimised, one in four has no room for it. */
const eagernessOf = (seed: number): Eagerness =>
  seed % 32 === 0 ? "all" : seed % 32 === 16 ? "optimise" : seed % 4 === 1 ? "evict" : "ends";

scope.onmessage = async ({ data: { seeds, programs } }) => {
  const locksteps = new Map<Eagerness, ProgramsLockstep>();
  for (const seed of seeds) {
    const eagerness = eagernessOf(seed);
    let lockstep = locksteps.get(eagerness);
    if (!lockstep) locksteps.set(eagerness, lockstep = await ProgramsLockstep.create(eagerness));
    scope.postMessage({ seed, compared: await lockstep.compare(seed, programs) });
  }
  for (const lockstep of locksteps.values()) lockstep.stop();
  scope.postMessage("done");
};

scope.postMessage("ready");
