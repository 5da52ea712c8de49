// Xen's own page of the GDT: selectors 0xE000 and up, the same whatever table a guest loads.
// Source: xen/include/public/arch-x86/xen-x86_32.h (selector values), pv-abi.md §8.1 (contents).
//
// The guest's flat segments span 4 GiB; the ring 0 ones, the TSS, the LDT slot and the per-CPU limit
// are there to be refused: their DPL is 0, so no ring 1 or 3 code can load or inspect them.

/** First GDT entry of the page that belongs to the hypervisor; guests own the entries below. */
export const FIRST_RESERVED_ENTRY: u32 = 7168;
/** Flat ring 1 code and data: the kernel's start segments. */
export const FLAT_KERNEL_CS: u32 = 0xe019;
export const FLAT_KERNEL_SS: u32 = 0xe021;
export const TSS_SELECTOR: u32 = 0xe040;
export const LDT_SELECTOR: u32 = 0xe050;
/** The GDT register's limit as SGDT shows it: it ends with the reserved page. */
export const GDT_LIMIT: u32 = 0xefff;

const RESERVED_ENTRIES: u32 = 13;

// Low and high words of entries 0xE000, 0xE008, ...
const TABLE = memory.data<u32>([
  0,
  0,
  0x0000ffff,
  0x00af9b00, // 0xE008 ring 0 code
  0x0000ffff,
  0x00cf9300, // 0xE010 ring 0 data
  0x0000ffff,
  0x00cfbb00, // 0xE018 ring 1 code
  0x0000ffff,
  0x00cfb300, // 0xE020 ring 1 data
  0x0000ffff,
  0x00cffb00, // 0xE028 ring 3 code
  0x0000ffff,
  0x00cff300, // 0xE030 ring 3 data
  0,
  0,
  0x00000067,
  0x00008b00, // 0xE040 TSS
  0,
  0,
  0x0000ffff,
  0x00008200, // 0xE050 LDT
  0,
  0,
  0x00000000,
  0x00009100, // 0xE060 per-CPU limit
]);

// The four flat segments as the Xen of 2007 had them: 0xF6800 pages, and no more (pv-abi.md §8.6).
const FIRST_FLAT: u32 = 3;
const FLAT_2007 = memory.data<u32>([
  0x000067ff,
  0x00cfbb00,
  0x000067ff,
  0x00cfb300,
  0x000067ff,
  0x00cffb00,
  0x000067ff,
  0x00cff300,
]);

/**
 * Host address of a reserved descriptor by its GDT index, or 0 beyond the end of the table.
 *
 * @param limited the flat segments end below the hypervisor
 */
export function reserved_descriptor(index: u32, limited: bool): usize {
  const n = index - FIRST_RESERVED_ENTRY;
  if (limited && n - FIRST_FLAT < 4) return FLAT_2007 + (<usize> (n - FIRST_FLAT) << 3);
  return n < RESERVED_ENTRIES ? TABLE + (<usize> n << 3) : 0;
}
