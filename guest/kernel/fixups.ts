// Instructions that are allowed to fault, each with the place to go on at.

import {
  emitWord,
  fn,
  forever,
  if_,
  local,
  ret,
  sectionEnd,
  sectionStart,
  u32,
  unit,
} from "../asm/mod.ts";
import type { Label } from "../asm/mod.ts";

/** Says that a fault of the instruction at `where` goes on at `instead`. */
export function onFault(where: Label, instead: Label): void {
  unit().within("fixups", () => {
    emitWord(where);
    emitWord(instead);
  });
}

/** (eip): where to go on after a fault at eip, or 0 if it was not expected. */
export const find_fixup = fn("find_fixup", (eip) => {
  const at = local(sectionStart("fixups"));
  forever(() => {
    if_(at.ge(sectionEnd("fixups")), () => ret(0));
    if_(u32.at(at).eq(eip), () => ret(u32.at(at.plus(4))));
    at.add(8);
  });
});
