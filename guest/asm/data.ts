// Things in memory with a name: variables, tables, pages.

import { addressOf } from "./functions.ts";
import { Label } from "./operands.ts";
import type { Type } from "./types.ts";
import { unit } from "./unit.ts";
import type { SectionName } from "./unit.ts";
import { node } from "./values.ts";
import type { Given, Value } from "./values.ts";

/** A variable that starts out as zeroes. */
export function global<View>(name: string, type: Type<View>, alignment = type.alignment): View {
  const label: Label = new Label(name, () => {
    unit().define(label, "bss", alignment, () => unit().section.reserve(type.size));
  }, "object");
  return type.at(label);
}

/** Whole pages of zeroes, starting on a page boundary. */
export function pages(name: string, count: number): Value {
  const label: Label = new Label(name, () => {
    unit().define(label, "bss", 4096, () => unit().section.reserve(count * 4096));
  }, "object");
  return addressOf(label);
}

/** Emits one 32-bit word: a number, or the address of a string, a function or a variable. */
export function emitWord(given: Given): void {
  const n = node(given);
  const at = unit().section;
  if (n.kind === "number") at.bytes(new Uint8Array(Uint32Array.of(n.value).buffer));
  else if (n.kind === "symbol") {
    unit().refer(n.label);
    at.bytes([0, 0, 0, 0], [{ at: 0, label: n.label, addend: n.addend }]);
  } else throw new Error("a table holds only constants");
}

/** A constant table of 32-bit words. */
export function table(
  name: string,
  words: () => readonly Given[],
  section: SectionName = "rodata",
): Value {
  const label: Label = new Label(name, () => {
    unit().define(label, section, 4, () => words().forEach(emitWord));
  }, "object");
  return addressOf(label);
}

/** Bytes with a name. */
export function bytes(
  name: string,
  contents: Uint8Array,
  section: SectionName = "rodata",
  alignment = 4,
): Value {
  const label: Label = new Label(name, () => {
    unit().define(label, section, alignment, () => void unit().section.bytes(contents));
  }, "object");
  return addressOf(label);
}
