/** Batches of cases through both worlds. */
import type { Case } from "./case.ts";
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
): Promise<Findings> {
  for (let at = 0; at < cases.length; at += MAX_CASES) {
    const batch = cases.slice(at, at + MAX_CASES);
    const [native, ours] = [await runNatively(batch), await world.run(batch)];
    batch.forEach((c, i) => {
      const lines = differences(c, native[i], ours[i]);
      if (!lines.length) return;
      findings.set(c.form, [...(findings.get(c.form) ?? []), report(c, lines)]);
    });
  }
  return findings;
}
