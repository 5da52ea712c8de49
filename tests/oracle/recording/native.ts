/** What the host's processor answers to the recorded cases: what is the same each time, and may be compared. */
import { Buffer } from "node:buffer";
import type { Case, Outcome } from "../case.ts";
import { runNatively } from "../run.ts";
import { bySlots } from "./cases.ts";
import { comparablePart } from "./outcome.ts";

function same(a: Outcome, b: Outcome): boolean {
  const numbers = (o: Outcome) =>
    [...o.registers, o.eflags, o.exit, ...o.selectors, ...(o.exit < 0x100 ? [] : [o.error, o.eip])]
      .concat(o.exit < 0x100 ? [] : o.signal).join();
  return numbers(a) === numbers(b) && Buffer.compare(a.memory, b.memory) === 0 &&
    Buffer.compare(a.fx, b.fx) === 0;
}

/** Outcomes of cases, null for each whose second outcome is another. */
export async function nativeOutcomes(cases: readonly Case[]): Promise<(Outcome | null)[]> {
  const out: (Outcome | null)[] = new Array(cases.length).fill(null);
  for (const portion of bySlots(cases.map((c, n) => ({ c, n })))) {
    const once = await runNatively(portion.map(({ c }) => c));
    const twice = (await runNatively(portion.map(({ c }) => c).reverse())).reverse();
    portion.forEach(({ c, n }, i) => {
      const [a, b] = [once[i], twice[i]].map((o) => comparablePart(c, o));
      if (same(a, b)) out[n] = a;
    });
  }
  return out;
}
