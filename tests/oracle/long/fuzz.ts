/** Cases of 64-bit code without end: a batch for each seed. */
import { Random } from "../../random.ts";
import type { Form } from "../forms.ts";
import { MAX_CASES } from "../layout.ts";
import { longForms } from "./forms.ts";
import { longCase } from "./generate.ts";
import { RUNS_LONG } from "./native.ts";
import { longSequence, sequenceForms } from "./sequences.ts";
import { compareLong } from "./session.ts";
import { LongWorld } from "./world.ts";

let world: Promise<LongWorld> | undefined;
let sources: Form[] | undefined, rowSources: Form[] | undefined;

/** How many cases a seed's batch had (none where the host cannot run them), and a report of each form that differs. */
export async function fuzzLong(seed: number): Promise<[number, string[]]> {
  if (!RUNS_LONG) return [0, []];
  const forms = sources ??= longForms().forms;
  const inRow = rowSources ??= sequenceForms(forms);
  const r = new Random(seed);
  const cases = Array.from(
    { length: MAX_CASES },
    (_, n) => r.oneIn(4) ? longSequence(r, inRow, n) : longCase(r, r.pick(forms), n),
  );
  const findings = new Map<string, string[]>();
  await compareLong(await (world ??= LongWorld.create()), cases, findings);
  return [cases.length, [...findings.values()].map(([first]) => first)];
}

/** Ends the world of the batches, if there was one. */
export async function endFuzzLong(): Promise<void> {
  (await world)?.close();
  world = undefined;
}
