/**
 * The image's own symbols, so that a crash report can name an address. A damaged or missing table
 * only means fewer names: it is no reason to refuse a guest.
 */
import { type ElfHeader, SHT_STRTAB, SHT_SYMTAB } from "./header.ts";
import type { Reader } from "./reader.ts";

const SYMBOL_SIZE = 16;
const MAX_NAME = 200;
const STT_NOTYPE = 0;
const STT_OBJECT = 1;
const STT_FUNC = 2;

/** A named address. */
export interface GuestSymbol {
  readonly address: number;
  /** Bytes, or 0 where the table does not say. */
  readonly size: number;
  readonly name: string;
}

/** Symbols in order of address. */
export class SymbolTable {
  constructor(readonly symbols: readonly GuestSymbol[]) {}

  /**
   * `name+0x12` for an address inside a symbol, or behind one of unknown size.
   *
   * @returns undefined where no symbol covers the address
   */
  describe(address: number): string | undefined {
    let low = 0;
    let high = this.symbols.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.symbols[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    const symbol = this.symbols[low - 1];
    if (!symbol) return undefined;
    const offset = address - symbol.address;
    if (symbol.size !== 0 && offset >= symbol.size) return undefined;
    return offset === 0 ? symbol.name : `${symbol.name}+0x${offset.toString(16)}`;
  }
}

/** Reads `.symtab`. Never throws. */
export function readSymbols(file: Reader, header: ElfHeader): SymbolTable {
  const table = header.sections.find((s) => s.type === SHT_SYMTAB);
  const names = table && header.sections[table.link];
  if (
    !table || names?.type !== SHT_STRTAB || !file.has(table.offset, table.size) ||
    !file.has(names.offset, names.size)
  ) return new SymbolTable([]);

  const strings = file.bytes.subarray(names.offset, names.offset + names.size);
  const symbols: GuestSymbol[] = [];
  for (let at = table.offset; at + SYMBOL_SIZE <= table.offset + table.size; at += SYMBOL_SIZE) {
    const type = file.u8(at + 12, "a symbol") & 15;
    const section = file.u16(at + 14, "a symbol");
    if (section === 0 || (type !== STT_FUNC && type !== STT_OBJECT && type !== STT_NOTYPE)) {
      continue;
    }
    const name = nameAt(strings, file.u32(at, "a symbol"));
    if (!name) continue;
    symbols.push({
      address: file.u32(at + 4, "a symbol"),
      size: file.u32(at + 8, "a symbol"),
      name,
    });
  }
  symbols.sort((a, b) => a.address - b.address);
  return new SymbolTable(symbols);
}

function nameAt(strings: Uint8Array, index: number): string {
  const rest = strings.subarray(index, index + MAX_NAME);
  const end = rest.indexOf(0);
  return String.fromCharCode(...(end < 0 ? rest : rest.subarray(0, end))).replace(/[^!-~]/g, "?");
}
