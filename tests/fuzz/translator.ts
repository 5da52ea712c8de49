/** Guests of random code, random loops, walks and loops over pages, interpreted and translated, in lockstep. */
import {
  compare,
  loopGuest,
  pagesGuest,
  randomGuest,
  walkingGuest,
} from "../translator/lockstep.ts";
import type { Fuzz } from "./what.ts";

const KINDS = [
  ["random code", randomGuest],
  ["a loop", loopGuest],
  ["a walk", walkingGuest],
  ["pages", pagesGuest],
] as const;

export const fuzzTranslator: Fuzz = async ({ seconds, seed: first, say }) => {
  const result = { cases: 0, failures: 0 };
  const end = performance.now() + seconds * 1000;
  for (let seed = first & 0x3fffffff; performance.now() < end; seed++) {
    for (const [kind, make] of KINDS) {
      result.cases++;
      try {
        await compare(make(seed), seed % 2 === 0);
      } catch (error) {
        result.failures++;
        say(`fuzz: seed ${seed}, ${kind}: ${String(error).split("\n")[0]}`);
      }
    }
  }
  return result;
};
