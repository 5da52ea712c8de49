/**
 * The models (tests/model) in step with the core, seed after seed: of four the first two are page_info's,
 * the third page_info's with translated code, the fourth event channels'. Cases are steps.
 */
import { LENGTH as EVENTS, runSeed as runEvents } from "../model/events/run.ts";
import { LENGTH as FRAMES, runSeed as runFrames, runTranslated } from "../model/page_info/run.ts";
import { fuzzSeeds } from "./seeds.ts";

/** Seeds of a kind that follow each other: a machine is set up anew for each change. */
const IN_A_ROW = 50;

export const fuzzModel = fuzzSeeds(async (seed) => {
  const kind = Math.floor(seed / IN_A_ROW) % 4;
  if (kind === 3) return { cases: EVENTS, wrong: await runEvents(seed) };
  return { cases: FRAMES, wrong: await (kind === 2 ? runTranslated : runFrames)(seed) };
});
