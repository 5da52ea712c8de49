// ELF32 writer (System V ABI, chapters 4 and 5): program headers for the loader, sections and a
// symbol table for those who read crash reports.

import type { Program } from "./assemble.ts";
import type { Symbol, Unit } from "./unit.ts";

interface Input {
  unit: Unit;
  sections: Program["sections"];
  symbols: Symbol[];
  entry: number;
  base: number;
  physical: number;
}

const PT_LOAD = 1, PT_NOTE = 4;
const SHT_PROGBITS = 1, SHT_SYMTAB = 2, SHT_STRTAB = 3, SHT_NOTE = 7, SHT_NOBITS = 8;
const PF_X = 1, PF_W = 2, PF_R = 4;
const EHDR = 52, PHDR = 32, SHDR = 40;

/** A string table: offsets by name. */
class Strings {
  text = "\0";
  add(name: string): number {
    const at = this.text.length;
    this.text += name + "\0";
    return at;
  }
  get bytes(): Uint8Array {
    return new TextEncoder().encode(this.text);
  }
}

/** A little-endian record of 32-bit words, with 16-bit halves packed by the caller. */
const words = (...values: number[]) =>
  new Uint8Array(Uint32Array.from(values.map((v) => v >>> 0)).buffer);

interface Header {
  type: number;
  flags: number;
  names: string[];
}

function programHeaders({ unit, sections }: Input): Header[] {
  const headers: Header[] = [];
  for (const names of unit.groups.values()) {
    const used = names.filter((n) => sections.get(n)!.bytes.length > 0);
    if (used.length === 0) continue;
    const all = names.map((n) => unit.sections.get(n)!.flags);
    const flags = PF_R | (all.some((f) => f.write) ? PF_W : 0) |
      (all.some((f) => f.execute) ? PF_X : 0);
    headers.push({ type: PT_LOAD, flags, names: used });
    if (used.includes("note")) headers.push({ type: PT_NOTE, flags: PF_R, names: ["note"] });
  }
  return headers;
}

function symbolTable(input: Input, strings: Strings, index: Map<string, number>): Uint8Array {
  const out: number[] = [0, 0, 0, 0];
  for (const s of input.symbols) {
    const info = s.kind === "function" ? 2 : 1; // local binding; STT_FUNC or STT_OBJECT
    out.push(strings.add(s.name), s.address, s.size, info | index.get(s.section)! << 16);
  }
  return words(...out);
}

/** Writes the file. Segments lie in it at offsets congruent to their addresses within a page. */
export function elfFile(input: Input): Uint8Array {
  const { sections, unit } = input;
  const headers = programHeaders(input);
  const names = [...sections.keys()].filter((n) => sections.get(n)!.bytes.length > 0);
  const index = new Map(names.map((n, i) => [n as string, i + 1]));

  // Contents, in the order they stand in the file.
  const offsets = new Map<string, number>();
  let end = EHDR + PHDR * headers.length;
  for (const name of names) {
    const s = sections.get(name)!;
    end += (s.loadAddress - end) & 0xfff;
    offsets.set(name, end);
    if (!s.zero) end += s.bytes.length;
  }
  const strings = new Strings(), sectionNames = new Strings();
  const symtab = symbolTable(input, strings, index);
  const sectionHeaders = [words(...new Array(10).fill(0))];
  for (const name of names) {
    const s = sections.get(name)!;
    const { write, execute } = unit.sections.get(name)!.flags;
    const type = s.zero ? SHT_NOBITS : name === "note" ? SHT_NOTE : SHT_PROGBITS;
    const flags = 2 | (write ? 1 : 0) | (execute ? 4 : 0); // SHF_ALLOC, SHF_WRITE, SHF_EXECINSTR
    const fileName = name === "note" ? ".note.Xen" : `.${name}`;
    const size = s.bytes.length;
    sectionHeaders.push(
      words(
        sectionNames.add(fileName),
        type,
        flags,
        s.address,
        offsets.get(name)!,
        size,
        0,
        0,
        4,
        0,
      ),
    );
  }
  const tail: Uint8Array[] = [];
  const append = (
    name: string,
    type: number,
    link: number,
    info: number,
    size: number,
    bytes: Uint8Array,
  ) => {
    end += -end & 3;
    sectionHeaders.push(
      words(sectionNames.add(name), type, 0, 0, end, bytes.length, link, info, 4, size),
    );
    tail.push(words(end), bytes);
    end += bytes.length;
  };
  const symbolCount = symtab.length / 16;
  append(".symtab", SHT_SYMTAB, names.length + 2, symbolCount, 16, symtab);
  append(".strtab", SHT_STRTAB, 0, 0, 0, strings.bytes);
  sectionNames.add(".shstrtab");
  const shstrndx = sectionHeaders.length;
  const nameOffset = sectionNames.text.lastIndexOf(".shstrtab");
  end += -end & 3;
  const namesAt = end;
  const nameBytes = sectionNames.bytes;
  sectionHeaders.push(words(nameOffset, SHT_STRTAB, 0, 0, namesAt, nameBytes.length, 0, 0, 1, 0));
  const shoff = namesAt + nameBytes.length + (-(namesAt + nameBytes.length) & 3);

  const file = new Uint8Array(shoff + SHDR * sectionHeaders.length);
  const ident = [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  file.set(ident);
  file.set(
    words(
      2 | 3 << 16,
      1,
      input.entry,
      EHDR,
      shoff,
      0,
      EHDR | PHDR << 16,
      headers.length | SHDR << 16,
    ),
    16,
  );
  file.set(words(sectionHeaders.length | shstrndx << 16), 48);
  headers.forEach((h, i) => {
    const first = sections.get(h.names[0] as never)!, last = sections.get(h.names.at(-1) as never)!;
    const memsz = last.loadAddress + last.bytes.length - first.loadAddress;
    const filesz = first.zero ? 0 : memsz;
    const paddr = first.loadAddress - input.base + input.physical;
    const align = h.type === PT_NOTE ? 4 : 4096;
    file.set(
      words(h.type, offsets.get(h.names[0])!, first.address, paddr, filesz, memsz, h.flags, align),
      EHDR + PHDR * i,
    );
  });
  for (const name of names) {
    const s = sections.get(name)!;
    if (!s.zero) file.set(s.bytes, offsets.get(name)!);
  }
  for (let i = 0; i < tail.length; i += 2) {
    file.set(tail[i + 1], new Uint32Array(tail[i].buffer)[0]);
  }
  file.set(nameBytes, namesAt);
  sectionHeaders.forEach((h, i) => file.set(h, shoff + SHDR * i));
  return file;
}
