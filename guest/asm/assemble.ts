// From an entry point to an ELF file.

import { elfFile } from "./elf.ts";
import type { Label } from "./operands.ts";
import { Unit, withUnit } from "./unit.ts";
import type { SectionName, Symbol } from "./unit.ts";
import { sectionEnd, sectionStart, userLoad } from "./unit.ts";

export interface Options {
  /** Where execution starts. Everything it leads to is assembled. */
  entry: Label;
  /** Virtual address of the first byte. */
  base: number;
  /** Physical address of the first byte (p_paddr of the program headers). Default 0. */
  physical?: number;
  /** Virtual address at which the user section sees itself. Default: where it is loaded. */
  userBase?: number;
  /** Emits more than the entry leads to: ELF notes. */
  extra?: () => void;
}

export interface Program {
  elf: Uint8Array;
  entry: number;
  symbols: Symbol[];
  sections: Map<
    SectionName,
    { address: number; loadAddress: number; bytes: Uint8Array; zero: boolean }
  >;
}

const pageUp = (n: number) => ((n + 0xfff) & ~0xfff) >>> 0;

/** Gives every section its addresses, until no jump has to grow. */
function place(unit: Unit, options: Options): Map<Label, number> {
  const addresses = new Map<Label, number>();
  let again = true;
  while (again) {
    let at = options.base;
    for (const [group, names] of unit.groups) {
      at = pageUp(at);
      for (const name of names) {
        const section = unit.sections.get(name)!;
        at += -at & 15;
        section.loadAddress = at;
        section.address = group === "user" ? options.userBase ?? at : at;
        if (group === "user") addresses.set(userLoad, at);
        addresses.set(sectionStart(name), section.address);
        section.layOut(addresses);
        addresses.set(sectionEnd(name), section.address + section.size);
        at += section.size;
      }
    }
    again = [...unit.sections.values()].map((s) => s.lengthen(addresses)).includes(true);
  }
  return addresses;
}

/** Refuses labels that were never defined, and user code that leans on kernel addresses. */
function check(unit: Unit, addresses: Map<Label, number>): void {
  const inUser = new Set(
    unit.sections.get("user")!.fragments.map((f) => f.kind === "label" ? f.label : null),
  );
  for (const section of unit.sections.values()) {
    for (const f of section.fragments) {
      const labels = f.kind === "bytes"
        ? f.fixups.map((x) => x.label)
        : f.kind === "branch"
        ? [f.target]
        : [];
      for (const label of labels) {
        if (!addresses.has(label)) throw new Error(`${label.name} is used but not defined`);
        if (section.name === "user" && !inUser.has(label)) {
          throw new Error(`user code refers to ${label.name}, which is the kernel's`);
        }
      }
    }
  }
}

/**
 * Assembles the program that `entry` leads to.
 * @throws Error when a label has no definition or an instruction no encoding
 */
export function assemble(options: Options): Program {
  const unit = new Unit();
  withUnit(unit, () => {
    unit.refer(options.entry);
    options.extra?.();
    unit.settle();
  });
  const addresses = place(unit, options);
  check(unit, addresses);
  const symbols: Symbol[] = unit.marks.map(({ label, end, section }) => ({
    name: label.name,
    address: addresses.get(label)! >>> 0,
    size: addresses.get(end)! - addresses.get(label)!,
    section,
    kind: label.kind === "function" ? "function" : "object",
  }));
  const sections: Program["sections"] = new Map();
  for (const [name, s] of unit.sections) {
    const zero = s.flags.zero ?? false;
    const bytes = s.image(addresses);
    sections.set(name, { address: s.address, loadAddress: s.loadAddress, bytes, zero });
  }
  const entry = addresses.get(options.entry)! >>> 0;
  const elf = elfFile({
    unit,
    sections,
    symbols,
    entry,
    base: options.base,
    physical: options.physical ?? 0,
  });
  return { elf, entry, symbols, sections };
}
