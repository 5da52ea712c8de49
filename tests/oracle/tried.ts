/** Which of its cases a test tries: all of them, or as many as there is time for. */
import { ALWAYS } from "../first_sight.ts";
import type { Case } from "./case.ts";

/** To translate a case takes a hundred times as long as to run it. Forms have even numbers of cases, and some of each mode. */
const ONE_TRANSLATED_IN = 7;

/** All cases where they are interpreted, and one in seven, which is told, under PARAVANE_JIT=always. */
export function* tried(cases: Iterable<Case>): Generator<Case> {
  let n = 0;
  for (const c of cases) if (!ALWAYS || n++ % ONE_TRANSLATED_IN === 0) yield c;
  if (ALWAYS) console.log(`oracle: translated, and so one in ${ONE_TRANSLATED_IN} of these only`);
}
