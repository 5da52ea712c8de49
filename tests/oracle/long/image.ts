/** What both worlds have in memory before the first case. */
import { CODE, RECORDS, SLOT_BACKWARD, SLOT_FORWARD, slotAddress } from "../layout.ts";
import { codeAddress, type LongCase } from "./case.ts";
import { END } from "./layout.ts";

/** The code area, from CODE to RECORDS. */
export function caseCode(cases: readonly LongCase[]): Uint8Array {
  const area = new Uint8Array(RECORDS - CODE);
  cases.forEach((c, n) => {
    const slot = slotAddress(n) - CODE;
    area.set(END, slot + SLOT_BACKWARD);
    area.set(END, slot + SLOT_FORWARD);
    area.set([...c.code, ...END], codeAddress(n) - CODE);
  });
  return area;
}
