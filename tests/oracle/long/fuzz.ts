/** Cases of 64-bit code without end: a batch for each seed. */
import { Random } from "../../random.ts";
import { MAX_CASES } from "../layout.ts";
import { longForms } from "./forms.ts";
import { longCase } from "./generate.ts";
import { canRunLong } from "./native.ts";
import { compareLong } from "./session.ts";
import { LongWorld } from "./world.ts";

let world: Promise<LongWorld> | undefined;
let native: Promise<boolean> | undefined;
let forms: ReturnType<typeof longForms>["forms"] | undefined;

/** How many cases a seed's batch had (none where the host cannot run them), and a report of each form that differs. */
export async function fuzzLong(seed: number): Promise<[number, string[]]> {
  if (!await (native ??= canRunLong())) return [0, []];
  forms ??= longForms().forms;
  const r = new Random(seed);
  const cases = Array.from({ length: MAX_CASES }, (_, n) => longCase(r, r.pick(forms!), n));
  const findings = new Map<string, string[]>();
  await compareLong(await (world ??= LongWorld.create()), cases, findings);
  return [cases.length, [...findings.values()].map(([first]) => first)];
}

/** Ends the world of the batches, if there was one. */
export async function endFuzzLong(): Promise<void> {
  (await world)?.close();
  world = undefined;
}
