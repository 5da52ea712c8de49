/** A batch of cases of 64-bit code through both worlds. */
import type { LongCase } from "./case.ts";
import { longDifferences, longReport } from "./compare.ts";
import { runLongNatively } from "./native.ts";
import { asHostTakesThem } from "./stack.ts";
import type { LongWorld } from "./world.ts";

/** Runs cases, at most as many as a batch may have, and adds what differs: reports by form. */
export async function compareLong(
  world: LongWorld,
  cases: readonly LongCase[],
  findings: Map<string, string[]>,
): Promise<void> {
  const begun = await asHostTakesThem(cases);
  const native = await runLongNatively(begun);
  const ours = world.run(begun);
  begun.forEach((c, n) => {
    const lines = longDifferences(c, native[n], ours[n]);
    if (!lines.length) return;
    findings.set(c.form, [...(findings.get(c.form) ?? []), longReport(c, lines)]);
  });
}
