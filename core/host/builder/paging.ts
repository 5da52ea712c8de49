/**
 * The shape of a guest's page tables. The builder is written for any number of levels; this says
 * what one kind of guest has. Facts: pv-abi §2.2; Xen: tools/libs/guest/xg_dom_x86.c.
 */

/** Bits of a page-table entry. */
export const PTE_PRESENT = 0x01;
export const PTE_RW = 0x02;
export const PTE_USER = 0x04;
export const PTE_ACCESSED = 0x20;
export const PTE_DIRTY = 0x40;

/** Entries of a table of any level take 8 bytes, 512 of them a page. */
export const ENTRY_SIZE = 8;
const INDEX_BITS = 9;
const PAGE_BITS = 12;

export interface PagingFormat {
  /** Levels of tables, 3 for PAE. Level 1 maps pages. */
  readonly levels: number;
  /** Greatest virtual address. */
  readonly top: bigint;
  /** First address of the hypervisor's own range, which no initial mapping may reach. */
  readonly hole: bigint;
  /** Flags of entries, by the level of the table they stand in. */
  readonly flags: readonly number[];
  /**
   * PAE has only four top slots, and a guest must find a level 2 table in the last of them: when the
   * mapping ends below this address, level 2 reaches to the top.
   */
  readonly level2ToTopBelow: bigint;
}

const TABLE_FLAGS = PTE_PRESENT | PTE_RW | PTE_ACCESSED | PTE_DIRTY | PTE_USER;

/** A 32-bit PAE guest. Its kernel runs in ring 1, so that its pages are no user pages. */
export const PAE: PagingFormat = {
  levels: 3,
  top: 0xffff_ffffn,
  hole: 0xf580_0000n,
  flags: [0, PTE_PRESENT | PTE_RW | PTE_ACCESSED, TABLE_FLAGS, TABLE_FLAGS],
  level2ToTopBelow: 0xc000_0000n,
};

/** All the tables of one level: consecutive frames that cover `from`..`to` (inclusive). */
export interface TableLevel {
  readonly level: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly count: number;
}

/** log2 of the bytes that one entry of a table of this level maps. */
export function entryBits(level: number): bigint {
  return BigInt(PAGE_BITS + (level - 1) * INDEX_BITS);
}

/**
 * The tables that map `from`..`to` (inclusive), top level first: the order they lie in memory.
 */
export function tablesFor(format: PagingFormat, from: bigint, to: bigint): TableLevel[] {
  const result: TableLevel[] = [];
  for (let level = format.levels; level >= 1; level--) {
    if (level === format.levels) {
      result.push({ level, from: 0n, to: format.top, count: 1 });
      continue;
    }
    const bits = entryBits(level + 1);
    const mask = (1n << bits) - 1n;
    let last = to | mask;
    if (level === 2 && last < format.level2ToTopBelow) last = format.top;
    const first = from & ~mask;
    result.push({ level, from: first, to: last, count: Number(((last - first) >> bits) + 1n) });
  }
  return result;
}
