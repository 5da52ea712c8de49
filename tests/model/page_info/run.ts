/** Sequences by seed, and what is left of one that fails when all that does not matter is taken away. */
import { Random } from "../../random.ts";
import { shrink } from "../shrink.ts";
import { Pair } from "./pair.ts";
import { perform } from "./perform.ts";
import { sequence, type Step } from "./steps.ts";

/** Steps of one seed. */
export const LENGTH = 150;

/** Carries a sequence out. @returns what is wrong, "" if nothing is */
export async function attempt(steps: readonly Step[], seen?: Map<string, number>): Promise<string> {
  let at = -1;
  try {
    const pair = await Pair.create();
    try {
      for (const s of steps) {
        at++;
        perform(pair, s);
        pair.compare();
        pair.audit(pair.sides[s.slot]);
        seen?.set(s.op, (seen.get(s.op) ?? 0) + 1);
      }
      for (const side of pair.sides) pair.audit(side);
    } finally {
      if (at === steps.length - 1) at = steps.length;
      pair.end();
    }
    return "";
  } catch (error) {
    Pair.forget();
    const [what, ...stack] = String((error as Error).stack).split(/\n(?= +at )/);
    return `step ${at}: ${what}\n${stack.slice(0, 4).join("\n")}`;
  }
}

const show = (s: Step) =>
  "  " + JSON.stringify(s, (_, v) => typeof v === "bigint" ? "0x" + v.toString(16) : v);

/** @returns a report of the shortest sequence that fails in place of this seed's, "" if it does not fail */
export async function runSeed(seed: number, seen?: Map<string, number>): Promise<string> {
  const steps = sequence(new Random(seed), LENGTH);
  const wrong = await attempt(steps, seen);
  if (!wrong) return "";
  const short = await shrink(steps, async (s) => await attempt(s) !== "");
  return [`seed ${seed}: ${await attempt(short) || wrong}`, ...short.map(show)].join("\n");
}
