/** Whether a processor still answers as one did when it was recorded. */
import type { Case, Outcome } from "../case.ts";
import { vectorDifferences } from "../vector_compare.ts";

/** DR6.BS, and the code of a signal that is there because of it. */
const BS = 0x4000, TRAP_TRACE = 2;

/**
 * What differs, a line each, the recorded answer as `native`, today's as `ours`.
 *
 * @param maker of both processors; "" if they have different ones, and what the manual leaves open is not compared
 */
export function answersStill(c: Case, recorded: Outcome, now: Outcome, maker: string): string[] {
  // a guest tells of a single step by DR6, a process by its signal's code
  const stepped: Outcome = { ...now, signal: [now.signal[1] === TRAP_TRACE ? BS : 0, 0, 0] };
  return vectorDifferences(c, recorded, stepped, maker);
}
