// The program being assembled: its sections, what has been referred to, and where code goes now.
//
// Kernel sources are written as calls that emit at once, so they need to know into what; that is
// the active unit, set for the length of one `assemble`.

import { Label } from "./operands.ts";
import { Section } from "./section.ts";

/** Sections in the order they lie in memory. A new group starts a page and a program header. */
const PLAN = [
  { name: "text", group: "code", flags: { execute: true } },
  { name: "rodata", group: "code", flags: {} },
  { name: "fixups", group: "code", flags: {} },
  { name: "note", group: "code", flags: {} },
  { name: "data", group: "data", flags: { write: true } },
  { name: "user", group: "user", flags: { write: true, execute: true } },
  { name: "bss", group: "bss", flags: { write: true, zero: true } },
] as const;

export type SectionName = (typeof PLAN)[number]["name"];

/** Labels bound to the first byte of a section and to the byte after its last. */
const starts = new Map<SectionName, Label>(
  PLAN.map((p) => [p.name, new Label(`__${p.name}_start`)]),
);
const ends = new Map<SectionName, Label>(PLAN.map((p) => [p.name, new Label(`__${p.name}_end`)]));
/** Where the user section's bytes are loaded, which is not where user programs see them. */
export const userLoad = new Label("__user_load");
export const sectionStart = (name: SectionName): Label => starts.get(name)!;
export const sectionEnd = (name: SectionName): Label => ends.get(name)!;

export interface Symbol {
  name: string;
  address: number;
  size: number;
  section: SectionName;
  kind: "function" | "object";
}

export class Unit {
  readonly sections = new Map<SectionName, Section>();
  readonly groups = new Map<string, SectionName[]>();
  readonly marks: { label: Label; end: Label; section: SectionName }[] = [];
  here: SectionName = "text";
  readonly #seen = new Set<Label>();
  readonly #queue: Label[] = [];

  constructor() {
    this.#seen.add(userLoad);
    for (const { name, group, flags } of PLAN) {
      this.sections.set(name, new Section(name, flags));
      this.groups.set(group, [...(this.groups.get(group) ?? []), name]);
      this.#seen.add(starts.get(name)!).add(ends.get(name)!);
    }
  }

  get section(): Section {
    return this.sections.get(this.here)!;
  }

  /** Runs `body` with the given section as the one that is written to. */
  within<T>(name: SectionName, body: () => T): T {
    const before = this.here;
    this.here = name;
    try {
      return body();
    } finally {
      this.here = before;
    }
  }

  /** Notes that the program needs what `label` stands for. */
  refer(label: Label): void {
    if (this.#seen.has(label)) return;
    this.#seen.add(label);
    if (label.definition) this.#queue.push(label);
  }

  /** Assembles everything referred to, until nothing new turns up. */
  settle(): void {
    for (let label = this.#queue.shift(); label; label = this.#queue.shift()) label.definition!();
  }

  /** Writes a named thing into a section: its label, its contents, its end for the symbol table. */
  define(label: Label, section: SectionName, alignment: number, body: () => void): void {
    const end = new Label(`${label.name}$end`);
    this.within(section, () => {
      if (alignment > 1) this.section.align(alignment, section === "text" ? 0x90 : 0);
      this.section.label(label);
      body();
      this.section.label(end);
    });
    this.marks.push({ label, end, section });
  }
}

let active: Unit | null = null;

/** The unit being assembled. @throws Error outside of `assemble` */
export function unit(): Unit {
  if (!active) throw new Error("code is emitted outside of assemble()");
  return active;
}

/** Makes `next` the active unit while `body` runs. */
export function withUnit<T>(next: Unit, body: () => T): T {
  const before = active;
  active = next;
  try {
    return body();
  } finally {
    active = before;
  }
}
