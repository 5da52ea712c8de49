/** The models (tests/model) in step with the core, seed after seed: odd ones page_info's, even ones event channels'. Cases are steps. */
import { LENGTH as EVENTS, runSeed as runEvents } from "../model/events/run.ts";
import { LENGTH as FRAMES, runSeed as runFrames } from "../model/page_info/run.ts";
import { fuzzSeeds } from "./seeds.ts";

export const fuzzModel = fuzzSeeds(async (seed) =>
  seed % 2
    ? { cases: FRAMES, wrong: await runFrames(seed) }
    : { cases: EVENTS, wrong: await runEvents(seed) }
);
