/** Which of its cases a test tries: all of them, or as many as there is time for. */
import { ALWAYS } from "../first_sight.ts";

/** To translate a case takes a hundred times as long as to run it. Forms have even numbers of cases, and some of each mode. */
const ONE_TRANSLATED_IN = 7;

if (ALWAYS) console.log(`oracle: one case in ${ONE_TRANSLATED_IN}, translated`);

/** All cases where they are interpreted, and one in seven under PARAVANE_JIT=always. */
export function* tried<T>(cases: Iterable<T>): Generator<T> {
  let n = 0;
  for (const c of cases) if (!ALWAYS || n++ % ONE_TRANSLATED_IN === 0) yield c;
}
