/** Guests of random code, random loops and many small programs, interpreted and translated, in lockstep. */
import { compare, loopGuest, randomGuest } from "../translator/lockstep.ts";
import { type Eagerness, ProgramsLockstep } from "../translator/lockstep_programs.ts";
import type { Fuzz } from "./what.ts";

const PROGRAMS = 125;
const EAGERNESS: readonly Eagerness[] = ["ends", "evict", "all", "optimise"];

export const fuzzTranslator: Fuzz = async ({ seconds, seed: first, say }) => {
  const result = { cases: 0, failures: 0 };
  const end = performance.now() + seconds * 1000;
  const locksteps = await Promise.all(EAGERNESS.map((e) => ProgramsLockstep.create(e)));
  const failed = (what: string) => {
    result.failures++;
    say(`fuzz: ${what}`);
  };
  for (let seed = first & 0x3fffffff; performance.now() < end; seed++) {
    for (const [kind, make] of [["random code", randomGuest], ["a loop", loopGuest]] as const) {
      result.cases++;
      try {
        await compare(make(seed), { evict: seed % 2 === 0, optimise: seed % 4 > 1 });
      } catch (error) {
        failed(`seed ${seed}, ${kind}: ${String(error).split("\n")[0]}`);
      }
    }
    const n = seed % EAGERNESS.length;
    const { difference } = await locksteps[n].compare(seed, PROGRAMS);
    result.cases += PROGRAMS;
    if (!difference) continue;
    failed(`seed ${seed}, programs (${EAGERNESS[n]}): ${difference}`);
    locksteps[n].stop();
    locksteps[n] = await ProgramsLockstep.create(EAGERNESS[n]);
  }
  for (const lockstep of locksteps) lockstep.stop();
  return result;
};
