/**
 * The symbol tables that NetBSD wants behind its kernel: a word with their size, then a small ELF of
 * its own, header, three section headers, symbols, strings. Rules: pv-abi §1.4; Xen:
 * elf_parse_bsdsyms and elf_load_bsdsyms in common/libelf/libelf-loader.c.
 */
import { type ElfHeader, type SectionHeader, SHT_STRTAB, SHT_SYMTAB } from "./header.ts";
import type { Reader } from "./reader.ts";

const WORD = 4;
const ELF_HEADER = 52;
const SECTION_HEADER = 40;
const SECTIONS = 3;
const SYMBOL_SIZE = 16;
const TABLES_AT = ELF_HEADER + SECTIONS * SECTION_HEADER;

const round4 = (n: number) => Math.ceil(n / 4) * 4;

interface Tables {
  readonly symbols: SectionHeader;
  readonly strings: SectionHeader;
}

function tables(header: ElfHeader): Tables | undefined {
  const symbols = header.sections.find((s) => s.type === SHT_SYMTAB);
  const strings = symbols && header.sections[symbols.link];
  return strings?.type === SHT_STRTAB ? { symbols: symbols!, strings } : undefined;
}

/**
 * Bytes that the tables take behind the last segment, with the padding before them.
 *
 * @param end pseudo-physical end of the last segment
 */
export function bsdSymbolsSize(file: Reader, header: ElfHeader, end: number): number {
  const size = bsdSymbols(file, header).length;
  return size === 0 ? 0 : round4(end) - end + size;
}

/**
 * The bytes themselves, to be put at the next word after the last segment; empty without a table.
 *
 * @throws ImageError when a table lies outside the file
 */
export function bsdSymbols(file: Reader, header: ElfHeader): Uint8Array {
  const found = tables(header);
  if (!found) return new Uint8Array();
  const symbols = file.slice(found.symbols.offset, found.symbols.size, "the symbol table");
  const strings = file.slice(found.strings.offset, found.strings.size, "the string table");
  const stringsAt = TABLES_AT + round4(symbols.length);
  const out = new Uint8Array(round4(WORD + stringsAt + strings.length));
  const view = new DataView(out.buffer);
  view.setUint32(0, stringsAt + strings.length, true);

  // The header is the image's own, without program headers and with the three sections below.
  out.set(file.slice(0, ELF_HEADER, "the ELF header"), WORD);
  view.setUint32(WORD + 28, 0, true); // e_phoff
  view.setUint32(WORD + 32, ELF_HEADER, true); // e_shoff
  view.setUint16(WORD + 42, 0, true); // e_phentsize
  view.setUint16(WORD + 44, 0, true); // e_phnum
  view.setUint16(WORD + 46, SECTION_HEADER, true);
  view.setUint16(WORD + 48, SECTIONS, true);
  view.setUint16(WORD + 50, 0, true); // e_shstrndx

  const section = (index: number, fields: Record<number, number>) => {
    const at = WORD + ELF_HEADER + index * SECTION_HEADER;
    for (const [offset, value] of Object.entries(fields)) {
      view.setUint32(at + Number(offset), value, true);
    }
  };
  section(1, { 4: SHT_SYMTAB, 16: TABLES_AT, 20: symbols.length, 24: 2, 32: 4, 36: SYMBOL_SIZE });
  section(2, { 4: SHT_STRTAB, 16: stringsAt, 20: strings.length, 32: 1 });
  out.set(symbols, WORD + TABLES_AT);
  out.set(strings, WORD + stringsAt);
  return out;
}
