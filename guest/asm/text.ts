// String constants. The same text is kept once for the kernel and once for user programs, which
// cannot read each other's memory.

import { Label } from "./operands.ts";
import { unit } from "./unit.ts";

const kernelTexts = new Map<string, Label>();
const userTexts = new Map<string, Label>();
const encoder = new TextEncoder();

/** The label of a NUL-terminated string constant, in the space that is being emitted to. */
export function textLabel(text: string): Label {
  const user = unit().here === "user";
  const pool = user ? userTexts : kernelTexts;
  let label = pool.get(text);
  if (!label) {
    const made = new Label(`text:${text.slice(0, 12)}`, () => {
      unit().within(user ? "user" : "rodata", () => {
        unit().section.label(made);
        unit().section.bytes([...encoder.encode(text), 0]);
      });
    });
    pool.set(text, label = made);
  }
  return label;
}
