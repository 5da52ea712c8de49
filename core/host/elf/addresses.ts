/**
 * Where an image lies in the guest's address space, from its load segments and what it says of
 * itself. Rules and refusals: pv-abi §1.4; Xen: elf_xen_addr_calc_check in libelf-dominfo.c and
 * libelf-loader.c.
 */
import { type ElfHeader, type ProgramHeader, PT_LOAD } from "./header.ts";
import { hex, ImageError } from "./image_error.ts";
import type { GuestParameters } from "./parameters.ts";
import type { Reader } from "./reader.ts";

const PAGE = 4096n;
const U64 = (1n << 64n) - 1n;
const ANY_ACCESS = 7; // PF_R | PF_W | PF_X

/** A piece of the image and where it goes. */
export interface LoadSegment {
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
  /** Bytes in the file. */
  readonly filesz: number;
  /** Bytes in memory; those past `filesz` are zero. */
  readonly memsz: number;
  /** Byte offset from the kernel's start (`kernelStart`) in memory. */
  readonly at: number;
}

/** Where an image lies in the guest's memory. Virtual addresses are 64 bits wide whatever the guest. */
export interface ImageAddresses {
  /** Virtual address of pseudo-physical frame 0. */
  readonly virtBase: bigint;
  /** Virtual address of its first byte. */
  readonly kernelStart: bigint;
  /** First address after the kernel, its zeroed data and its symbols. */
  readonly kernelEnd: bigint;
  /** Virtual address of its first instruction. */
  readonly entry: bigint;
  /** What is loaded, in the order of the file. */
  readonly segments: readonly LoadSegment[];
}

/**
 * Computes the addresses.
 *
 * @param symtabSize bytes of BSD symbols that follow the last segment, given its end
 * @throws ImageError when a segment is not in the file, or the addresses contradict each other
 */
export function computeAddresses(
  file: Reader,
  header: ElfHeader,
  p: GuestParameters,
  symtabSize: (end: number) => number,
): ImageAddresses {
  const loads = header.programs.filter((h) => h.type === PT_LOAD && (h.flags & ANY_ACCESS) !== 0);
  if (loads.length === 0) throw new ImageError("segment", "the ELF has no segment to load");
  for (const [index, load] of loads.entries()) checkSegment(file, load, index);
  const start = Math.min(...loads.map((h) => h.paddr));
  const end = Math.max(...loads.map((h) => h.paddr + h.memsz));

  if (p.paddrOffset !== undefined && p.virtBase === undefined) {
    throw new ImageError("address", "PADDR_OFFSET is given without VIRT_BASE");
  }
  const virtBase = p.virtBase ?? 0n;
  const paddrOffset = p.paddrOffset ?? (p.source === "notes" ? 0n : virtBase);
  const virtOffset = virtBase - paddrOffset;
  const kernelStart = (BigInt(start) + virtOffset) & U64;
  const codeEnd = (BigInt(end) + virtOffset) & U64;
  const kernelEnd = (codeEnd + BigInt(p.bsdSymtab ? symtabSize(end) : 0)) & U64;
  const entry = p.entry ?? BigInt(header.entry);
  checkBounds(virtBase, kernelStart, kernelEnd, entry);
  if (p.initP2m !== undefined && p.initP2m >= kernelStart && p.initP2m < kernelEnd) {
    throw new ImageError("address", `INIT_P2M ${hex(p.initP2m)} lies inside the kernel`);
  }
  const segments = loads.map((h) => ({
    offset: h.offset,
    filesz: h.filesz,
    memsz: h.memsz,
    at: h.paddr - start,
  }));
  checkTotal(segments, kernelEnd - kernelStart);
  return { virtBase, kernelStart, kernelEnd, entry, segments };
}

function checkSegment(file: Reader, h: ProgramHeader, index: number): void {
  if (h.filesz > h.memsz) {
    throw new ImageError(
      "segment",
      `load segment ${index} has more bytes in the file (${hex(h.filesz)}) than in memory ` +
        `(${hex(h.memsz)})`,
    );
  }
  file.need(h.offset, h.filesz, `the data of load segment ${index}`);
}

function checkBounds(base: bigint, start: bigint, end: bigint, entry: bigint): void {
  const span = `the kernel's ${hex(start)}..${hex(end)}`;
  if (start > end) throw new ImageError("address", `${span} wraps around`);
  if (entry < start || entry > end) {
    throw new ImageError("address", `the entry point ${hex(entry)} lies outside ${span}`);
  }
  if (base > start) {
    throw new ImageError("address", `VIRT_BASE ${hex(base)} lies above ${span}`);
  }
  if (start % PAGE !== 0n) {
    throw new ImageError("address", `the kernel's start ${hex(start)} is not page-aligned`);
  }
}

/** Segments that lie over one another may write the destination twice at most. */
function checkTotal(segments: readonly LoadSegment[], size: bigint): void {
  const total = segments.reduce((sum, s) => sum + s.memsz, 0);
  const room = Number((size + PAGE - 1n) / PAGE * PAGE);
  if (total > 2 * room) {
    throw new ImageError(
      "segment",
      `load segments overlap: together they have ${hex(total)} bytes for ${hex(room)} of memory`,
    );
  }
}
