/** Batches of cases through both worlds. */
import type { Case, Outcome } from "./case.ts";
import { differences, report } from "./compare.ts";
import { MAX_CASES } from "./layout.ts";
import { type GuestWorld, runNatively } from "./run.ts";

/** What differed: reports by form. */
export type Findings = Map<string, string[]>;

/** Runs cases in both worlds and compares. */
export async function runCases(
  world: GuestWorld,
  cases: readonly Case[],
  findings: Findings = new Map(),
  compare = differences,
): Promise<Findings> {
  for (let at = 0; at < cases.length; at += MAX_CASES) {
    const batch = cases.slice(at, at + MAX_CASES);
    let native: Outcome[], ours: Outcome[];
    try {
      native = await runNatively(batch);
      ours = await world.run(batch);
    } catch (error) {
      // one of them broke the driver: find it
      const half = batch.length >> 1;
      if (half) {
        await runCases(world, batch.slice(0, half), findings, compare);
        await runCases(world, batch.slice(half), findings, compare);
      } else findings.set(batch[0].form, [report(batch[0], [String(error)])]);
      continue;
    }
    batch.forEach((c, i) => {
      const lines = compare(c, native[i], ours[i]);
      if (!lines.length) return;
      findings.set(c.form, [...(findings.get(c.form) ?? []), report(c, lines)]);
    });
  }
  return findings;
}
