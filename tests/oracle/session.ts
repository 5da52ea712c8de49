/** Batches of cases through both worlds. */
import type { Case, Outcome } from "./case.ts";
import { differences, report } from "./compare.ts";
import { MAX_CASES } from "./layout.ts";
import { type GuestWorld, runNatively } from "./run.ts";

/** What differed: reports by form. */
export type Findings = Map<string, string[]>;

/** What is compared of a case: a line for each thing that differs. */
export type Compare = (c: Case, native: Outcome, ours: Outcome) => string[];

/** Cases in the portions that an image holds; made as they are needed, as a million would fill memory. */
function* portions(cases: Iterable<Case>): Generator<Case[]> {
  let batch: Case[] = [];
  for (const c of cases) {
    batch.push(c);
    if (batch.length < MAX_CASES) continue;
    yield batch;
    batch = [];
  }
  if (batch.length) yield batch;
}

/** Runs cases in both worlds at once and compares. */
export async function runCases(
  world: GuestWorld,
  cases: Iterable<Case>,
  findings: Findings = new Map(),
  compare: Compare = differences,
): Promise<Findings> {
  for (const batch of portions(cases)) {
    const [native, ours] = await Promise.allSettled([runNatively(batch), world.run(batch)]);
    if (native.status === "fulfilled" && ours.status === "fulfilled") {
      batch.forEach((c, i) => {
        const lines = compare(c, native.value[i], ours.value[i]);
        if (!lines.length) return;
        findings.set(c.form, [...(findings.get(c.form) ?? []), report(c, lines)]);
      });
      continue;
    }
    // one of them broke the driver: find it
    const half = batch.length >> 1;
    if (half) {
      await runCases(world, batch.slice(0, half), findings, compare);
      await runCases(world, batch.slice(half), findings, compare);
    } else {
      const { reason } = [native, ours].find((s) =>
        s.status === "rejected"
      ) as PromiseRejectedResult;
      findings.set(batch[0].form, [report(batch[0], [String(reason)])]);
    }
  }
  return findings;
}
