/**
 * Writes the initial page tables: each level's tables one after the other, top level first. Pages
 * that are themselves tables are mapped read-only, all others writable. Rules: pv-abi §2.2.
 */
import type { GuestMemory } from "./guest_memory.ts";
import type { Layout } from "./layout.ts";
import { ENTRY_SIZE, entryBits, PTE_RW } from "./paging.ts";

const ENTRIES = 512;

/**
 * Fills the page-table pages of a domain laid out as `layout` says.
 *
 * @param pause called after each table
 */
export async function writePageTables(
  memory: GuestMemory,
  layout: Layout,
  pause: () => void | Promise<void> = () => {},
): Promise<void> {
  let pfn = layout.pageTables.pfn;
  for (const [index, table] of layout.tables.entries()) {
    const child = layout.tables[index + 1];
    const flags = layout.format.flags[table.level];
    const targets = child
      ? { first: child.from, count: child.count, pfn: pfn + table.count }
      : { first: layout.virtBase, count: layout.mappedPages, pfn: 0 };
    const start = Number((targets.first - table.from) >> entryBits(table.level));
    for (let i = 0; i < targets.count; i++) {
      const target = targets.pfn + i;
      const entry = start + i;
      const readOnly = !child && isTable(layout, target);
      writeEntry(
        memory.page(pfn + Math.floor(entry / ENTRIES)),
        entry % ENTRIES,
        memory.mfns[target],
        readOnly ? flags & ~PTE_RW : flags,
      );
      if (entry % ENTRIES === ENTRIES - 1) await pause();
    }
    pfn += table.count;
  }
}

function isTable(layout: Layout, pfn: number): boolean {
  const { pfn: first, count } = layout.pageTables;
  return pfn >= first && pfn < first + count;
}

function writeEntry(page: Uint8Array, index: number, mfn: number, flags: number): void {
  const view = new DataView(page.buffer, page.byteOffset + index * ENTRY_SIZE, ENTRY_SIZE);
  view.setUint32(0, ((mfn << 12) | flags) >>> 0, true);
  view.setUint32(4, mfn >>> 20, true);
}
