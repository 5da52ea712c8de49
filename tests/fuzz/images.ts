/** Damaged image files (elf.ts), without end. */
import fc from "fast-check";
import { applyDamage, damage, seeds, tryImage } from "./elf.ts";
import type { Fuzz } from "./what.ts";

/** Images of a seed, of each kind. */
const BATCH = 500;

export const fuzzImages: Fuzz = async ({ seconds, seed: first, say }) => {
  const images = await seeds();
  const result = { cases: 0, failures: 0 };
  const end = performance.now() + seconds * 1000;
  for (let seed = first & 0x7fffffff; performance.now() < end; seed++) {
    const run = await fc.check(
      fc.asyncProperty(damage, async (d) => {
        await tryImage(applyDamage(images[d.seed % images.length], d));
      }),
      { numRuns: BATCH, seed },
    );
    result.cases += run.numRuns;
    if (!run.failed) continue;
    result.failures++;
    say(`fuzz: seed ${seed}: ${fc.defaultReportMessage(run)}`);
  }
  return result;
};
