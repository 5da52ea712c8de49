/**
 * The ELF header and its two tables.
 *
 * Only little-endian ELF32 for the i386 is accepted; whatever else it is, the error says so. Both
 * tables must lie in the file as a whole, as libelf demands (Xen: common/libelf/libelf-loader.c).
 */
import { hex, ImageError } from "./image_error.ts";
import type { Reader } from "./reader.ts";

export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_NOTE = 7;

const ELF_HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const SECTION_HEADER_SIZE = 40;
const EM_386 = 3;
const MACHINES: Record<number, string> = {
  0: "no machine",
  2: "SPARC",
  8: "MIPS",
  20: "PowerPC",
  21: "64-bit PowerPC",
  40: "ARM",
  50: "IA-64",
  62: "x86-64",
  183: "64-bit ARM",
  243: "RISC-V",
};

/** A program header: a piece of the file and the pseudo-physical bytes it fills. */
export interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly paddr: number;
  readonly filesz: number;
  readonly memsz: number;
  readonly flags: number;
}

/** A section header; `name` is empty where the name table does not hold it. */
export interface SectionHeader {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export interface ElfHeader {
  readonly entry: number;
  readonly programs: readonly ProgramHeader[];
  readonly sections: readonly SectionHeader[];
}

/** Whether a file begins as an ELF does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c &&
    bytes[3] === 0x46;
}

/** Reads the header and both tables. Throws ImageError. */
export function readHeader(file: Reader): ElfHeader {
  checkIdentity(file);
  file.need(0, ELF_HEADER_SIZE, "the ELF header");
  const type = file.u16(16, "e_type");
  if (type !== 2 && type !== 3) {
    throw new ImageError("header", `ELF type ${type} (offset 0x10): not an executable`);
  }
  const programs = table(file, "program", 28, 42, 44, PROGRAM_HEADER_SIZE);
  const sections = table(file, "section", 32, 46, 48, SECTION_HEADER_SIZE);
  return {
    entry: file.u32(24, "e_entry"),
    programs: programs.map((at) => readProgram(file, at)),
    sections: readSections(file, sections),
  };
}

function checkIdentity(file: Reader): void {
  if (file.length === 0) throw new ImageError("empty", "the image is empty");
  if (!isElf(file.bytes)) {
    throw new ImageError("not-elf", "not an ELF image (no ELF magic at offset 0), gzip or bzImage");
  }
  file.need(0, 20, "the ELF header");
  const elfClass = file.u8(4, "EI_CLASS");
  const order = file.u8(5, "EI_DATA");
  if (order !== 1) {
    throw new ImageError(
      "class",
      `ELF byte order ${order} (offset 5): only little-endian images run`,
    );
  }
  const machine = file.u16(18, "e_machine");
  if (elfClass === 2) {
    throw new ImageError(
      "class",
      `a 64-bit ELF image (${MACHINES[machine] ?? `machine ${machine}`}): ` +
        "64-bit guests do not run yet, only 32-bit PAE ones",
    );
  }
  if (elfClass !== 1) {
    throw new ImageError("class", `ELF class ${elfClass} (offset 4): neither 32-bit nor 64-bit`);
  }
  if (machine !== EM_386) {
    throw new ImageError(
      "machine",
      `built for ${MACHINES[machine] ?? `machine ${machine}`} (offset 0x12): only i386 images run`,
    );
  }
  const version = file.u8(6, "EI_VERSION");
  if (version !== 1) throw new ImageError("header", `ELF version ${version} (offset 6): must be 1`);
}

/** Offsets of a table's entries, once the whole table is known to lie in the file. */
function table(
  file: Reader,
  name: string,
  offsetAt: number,
  sizeAt: number,
  countAt: number,
  leastSize: number,
): number[] {
  const offset = file.u32(offsetAt, `the ${name} header table's offset`);
  const size = file.u16(sizeAt, `the ${name} header size`);
  const count = file.u16(countAt, `the ${name} header count`);
  if (count === 0) return [];
  if (size < leastSize) {
    throw new ImageError(
      "header",
      `${name} headers of ${size} bytes (offset ${hex(sizeAt)}): at least ${leastSize} are needed`,
    );
  }
  file.need(offset, size * count, `the table of ${count} ${name} headers`);
  return Array.from({ length: count }, (_, i) => offset + i * size);
}

function readProgram(file: Reader, at: number): ProgramHeader {
  const word = (index: number) => file.u32(at + index * 4, "a program header");
  return {
    type: word(0),
    offset: word(1),
    paddr: word(3),
    filesz: word(4),
    memsz: word(5),
    flags: word(6),
  };
}

function readSections(file: Reader, table: number[]): SectionHeader[] {
  const word = (at: number, index: number) => file.u32(at + index * 4, "a section header");
  const nameTable = table[file.u16(50, "e_shstrndx")];
  const names = nameTable === undefined
    ? undefined
    : { offset: word(nameTable, 4), size: word(nameTable, 5) };
  const name = (index: number): string => {
    if (!names || index >= names.size || !file.has(names.offset + index, 1)) return "";
    const rest = file.bytes.subarray(names.offset + index, names.offset + names.size).subarray(
      0,
      64,
    );
    const end = rest.indexOf(0);
    return String.fromCharCode(...(end < 0 ? rest : rest.subarray(0, end)));
  };
  return table.map((at, index) => ({
    index,
    name: name(word(at, 0)),
    type: word(at, 1),
    offset: word(at, 4),
    size: word(at, 5),
    link: word(at, 6),
  }));
}
