/**
 * `deno task record`: runs the recorded cases on this host's processor and writes what came of them, so that
 * hosts that cannot run i386 programs test against it too.
 */
import type { Case } from "../case.ts";
import { hostProcessor } from "../processor.ts";
import { runsI386 } from "../../i386.ts";
import { GuestWorld } from "../run.ts";
import { takeVariances, varies } from "../variances.ts";
import { vectorDifferences } from "../vector_compare.ts";
import { bySlots, casesOf, hashCases, type Source, sources } from "./cases.ts";
import { FOLDER, pathOf, RecordingWriter } from "./file.ts";
import { nativeOutcomes } from "./native.ts";

/** Cases to work on at once. */
const PORTION = 16_000;

if (!await runsI386()) {
  console.error("record: this host runs no i386 programs");
  Deno.exit(1);
}
const writer = new RecordingWriter();
const world = await GuestWorld.create();
const counts = { cases: 0, unsteady: 0, variances: 0, differing: 0 };

/** Records some forms. What differs from us for a reason of the host's own is of no use to others. */
async function record(forms: Source[]): Promise<void> {
  const all = forms.map((form) => ({ form, cases: casesOf(form, form.count) }));
  const cases: Case[] = all.flatMap((f) => f.cases);
  const outcomes = await nativeOutcomes(cases);
  for (const portion of bySlots(cases.map((c, n) => ({ c, n })))) {
    const ours = await world.run(portion.map(({ c }) => c));
    portion.forEach(({ c, n }, i) => {
      const native = outcomes[n];
      if (!native) return void counts.unsteady++;
      takeVariances();
      const lines = vectorDifferences(c, native, ours[i]);
      if (lines.length) {
        counts.differing++;
        console.log(`record: we differ: ${c.form}: ${lines.join("; ")}`);
      } else if (varies(c, native, ours[i]) && native.exit !== ours[i].exit) {
        counts.variances++;
        outcomes[n] = null;
      }
    });
  }
  let at = 0;
  for (const { form, cases } of all) {
    writer.add(form.key, hashCases(cases), cases, outcomes.slice(at, at += cases.length));
  }
  counts.cases += cases.length;
}

let portion: Source[] = [];
let size = 0;
for (const form of sources()) {
  portion.push(form);
  size += form.count;
  if (size < PORTION) continue;
  await record(portion);
  [portion, size] = [[], 0];
}
await record(portion);
world.close();

const { maker, name } = hostProcessor();
const kernel = `Linux ${Deno.osRelease()}`;
const file = writer.finish({ maker, processor: name, kernel });
await Deno.mkdir(FOLDER, { recursive: true });
await Deno.writeFile(pathOf(maker), file);
console.log(
  `record: ${counts.cases} cases on ${name} in ${file.length} bytes; ${counts.unsteady} were not the same ` +
    `twice, ${counts.variances} are the host's own, ${counts.differing} differ from ours`,
);
