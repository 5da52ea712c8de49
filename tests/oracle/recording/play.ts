/** A recording, played: its cases made anew, form by form, with what came of them then. */
import type { Case, Outcome } from "../case.ts";
import { casesOf, hashCases, sources } from "./cases.ts";
import type { Recording } from "./file.ts";

/** A case and what a processor answered to it. */
export interface Played {
  c: Case;
  recorded: Outcome;
}

/** What of a recording no longer fits, and what it lacks. */
export interface Fit {
  /** Forms whose cases are made otherwise by now. */
  stale: string[];
  /** Forms that are no more. */
  gone: string[];
  /** Forms that were not there then. */
  missing: string[];
}

/** Cases to give at a time. */
const PORTION = 16_000;

/**
 * The cases of a recording, some thousands at a time.
 *
 * @param wanted says which forms to take, by key
 * @param fit is filled in on the way
 */
export function* play(
  recording: Recording,
  fit: Fit,
  wanted: (key: string) => boolean = () => true,
): Generator<Played[]> {
  const known = new Map(sources().map((s) => [s.key, s]));
  let portion: Played[] = [];
  for (const [key, count, hash] of recording.header.forms) {
    const source = known.get(key);
    known.delete(key);
    if (!source) fit.gone.push(key);
    if (!source || !wanted(key)) {
      recording.skip(count);
      continue;
    }
    const cases = casesOf(source, count);
    if (hashCases(cases) !== hash) {
      fit.stale.push(key);
      recording.skip(count);
      continue;
    }
    recording.next(cases).forEach((recorded, n) => {
      if (recorded) portion.push({ c: cases[n], recorded });
    });
    if (portion.length < PORTION) continue;
    yield portion;
    portion = [];
  }
  if (portion.length) yield portion;
  fit.missing.push(...known.keys());
}
