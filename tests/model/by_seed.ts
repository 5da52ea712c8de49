/** Sequences by seed, and what is left of one that fails when all that does not matter is taken away. */
import { Random } from "../random.ts";
import { shrink } from "./shrink.ts";

/** Carries out one sequence: each step throws if something is wrong. */
export interface Attempt<S> {
  step(s: S): void;
  /** After the last: what must hold in the end. */
  end(): void;
}

const show = (s: unknown) =>
  "  " + JSON.stringify(s, (_, v) => typeof v === "bigint" ? "0x" + v.toString(16) : v);

/** @returns runs a seed: the report of the shortest sequence that still fails, "" if it does not fail */
export function bySeed<S extends { op: string }>(
  length: number,
  sequence: (r: Random, length: number) => S[],
  begin: () => Promise<Attempt<S>>,
  forget: () => void,
): (seed: number, seen?: Map<string, number>) => Promise<string> {
  async function attempt(steps: readonly S[], seen?: Map<string, number>): Promise<string> {
    let at = 0;
    try {
      const run = await begin();
      for (const s of steps) {
        run.step(s);
        seen?.set(s.op, (seen.get(s.op) ?? 0) + 1);
        at++;
      }
      run.end();
      return "";
    } catch (error) {
      forget();
      const [what, ...stack] = String((error as Error).stack).split(/\n(?= +at )/);
      return `step ${at}: ${what}\n${stack.slice(0, 4).join("\n")}`;
    }
  }
  return async (seed, seen) => {
    const steps = sequence(new Random(seed), length);
    const wrong = await attempt(steps, seen);
    if (!wrong) return "";
    if (!await attempt(steps)) { // by itself, on a machine that is new, it does not fail
      return `seed ${seed}, after those before it: ${wrong}`;
    }
    const short = await shrink(steps, async (s) => await attempt(s) !== "");
    return [`seed ${seed}: ${await attempt(short) || wrong}`, ...short.map(show)].join("\n");
  };
}
