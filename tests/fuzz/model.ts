/** The models (tests/model) in step with the core, seed after seed. Cases are steps. */
import { LENGTH, runSeed } from "../model/page_info/run.ts";
import { fuzzSeeds } from "./seeds.ts";

export const fuzzModel = fuzzSeeds(async (seed) => ({ cases: LENGTH, wrong: await runSeed(seed) }));
