/** Linux's page tables: from the builder's to its own, the direct map, fixmaps, and processes. */
import assert from "node:assert/strict";
import {
  HC,
  type Kernel,
  KERNPG_TABLE,
  MMUEXT,
  P,
  PAGE,
  PAGE_KERNEL,
  PAGE_KERNEL_RO,
  PAGE_TABLE,
  SELF,
  US,
  VIRT_BASE,
} from "./machine.ts";

const halves = (pte: bigint) => [Number(pte & 0xffffffffn), Number(pte >> 32n)];

/** set_page_prot: the page's own mapping, without a flush. */
export function setProt(linux: Kernel, va: number, flags: bigint): void {
  linux.updateVa(va, linux.pte(va, flags), 0);
}

/** The tables of a kernel: its PGD, and the PMD of its slot 3. */
export interface Tables {
  pgd: number;
  pmd: number;
}

/**
 * xen_setup_kernel_pagetable: copies of the builder's PGD and slot-3 PMD take over. The copy of the PMD
 * carries the hypervisor's own entries along.
 */
export function takeOver(linux: Kernel): Tables {
  const old = linux.startInfo(0x3c);
  const oldPmd = linux.table(linux.load64(old + 24));
  const pmd = linux.page(), pgd = linux.page(), zero = linux.page();
  linux.copyPage(pmd, oldPmd);
  linux.copyPage(pgd, old);
  linux.store64(pgd + 24, linux.pte(pmd, P));
  for (const page of [pmd, pgd, zero]) setProt(linux, page, PAGE_KERNEL_RO);
  linux.mmuext([MMUEXT.UNPIN, linux.machine(old) >> 12n]);
  linux.mmuext([MMUEXT.PIN_L3, linux.machine(pgd) >> 12n]);
  linux.mmuext([MMUEXT.NEW_BASEPTR, linux.machine(pgd) >> 12n]);
  // the builder's tables are ordinary pages now, but for the L1s, which both share
  for (const page of [old, oldPmd]) setProt(linux, page, PAGE_KERNEL);
  linux.store64(old, 0n);
  linux.sound();
  return { pgd, pmd };
}

/** A new L1 behind a PMD entry that is empty: made read-only, then hung in. */
export function addTable(linux: Kernel, tables: Tables, va: number, page = linux.page()): number {
  setProt(linux, page, PAGE_KERNEL_RO);
  const slot = tables.pmd + Math.floor(va / 0x200000) % 512 * 8;
  assert.equal(linux.load64(slot) & P, 0n);
  linux.mmuUpdate([linux.machine(slot), linux.pte(page, KERNPG_TABLE)]);
  return page;
}

/**
 * kernel_physical_mapping_init: the rest of memory, an mmu_update for each page, and a second one that
 * finds it there (pv-abi §15: two for each page of low memory).
 */
export function mapMemory(linux: Kernel, tables: Tables): void {
  const pages = linux.startInfo(0x20);
  for (let pfn = 0; pfn < pages; pfn += 512) {
    const slot = tables.pmd + (pfn / 512) * 8;
    const present = (linux.load64(slot) & P) !== 0n;
    const table = present
      ? linux.table(linux.load64(slot))
      : addTable(linux, tables, VIRT_BASE + pfn * PAGE);
    for (let n = 0; n < 512 && pfn + n < pages; n += 16) {
      const requests: [bigint, bigint][] = [];
      for (let k = n; k < n + 16; k++) {
        const at = table + k * 8;
        if ((linux.load64(at) & P) !== 0n) continue;
        const value = BigInt(linux.mfn(pfn + k)) << 12n | PAGE_KERNEL;
        for (let twice = 0; twice < 2; twice++) requests.push([linux.machine(at), value]);
      }
      if (requests.length) linux.mmuUpdate(...requests);
    }
  }
  linux.mmuext([MMUEXT.TLB_FLUSH_LOCAL, 0]);
}

/** Address of the L1 entry of an address, found through the tables as lookup_address does. */
export function lookup(linux: Kernel, tables: Tables, va: number): number {
  const pmd = va >= VIRT_BASE
    ? tables.pmd
    : linux.table(linux.load64(tables.pgd + Math.floor(va / 2 ** 30) * 8));
  const entry = linux.load64(pmd + Math.floor(va / 0x200000) % 512 * 8);
  assert.ok(entry & P, `no L1 for ${va.toString(16)}`);
  return linux.table(entry) + Math.floor(va / PAGE) % 512 * 8;
}

/** A process: a PGD with PMDs of its own, the kernel's one copied, and pages at user addresses. */
export interface Process extends Tables {
  tables: number[];
  pages: Map<number, number>;
}

/** pgd_alloc and the first faults of an mm that nobody has seen yet: all by plain stores. */
export function fork(linux: Kernel, kernel: Tables, pool: number[], addresses: number[]): Process {
  const take = () => {
    const page = pool.pop()!;
    for (let n = 0; n < PAGE; n += 4) linux.store(page + n, 0);
    return page;
  };
  const pgd = take();
  const pmds = [take(), take(), take(), take()];
  linux.copyPage(pmds[3], kernel.pmd);
  pmds.forEach((pmd, slot) => linux.store64(pgd + slot * 8, linux.pte(pmd, P)));
  const process: Process = {
    pgd,
    pmd: pmds[3],
    tables: [...pmds],
    pages: new Map(),
  };
  for (const va of addresses) {
    const slot = pmds[va >>> 30] + Math.floor(va / 0x200000) % 512 * 8;
    if ((linux.load64(slot) & P) === 0n) {
      const table = take();
      process.tables.push(table);
      linux.store64(slot, linux.pte(table, PAGE_TABLE));
    }
    const page = take();
    process.pages.set(va, page);
    linux.store64(lookup(linux, process, va), linux.pte(page, PAGE_TABLE));
  }
  return process;
}

/** pgd_pin of 2007: page by page, only the PGD pinned. */
export function pinPlainly(linux: Kernel, process: Process): void {
  for (const table of [...process.tables, process.pgd]) setProt(linux, table, PAGE_KERNEL_RO);
  linux.mmuext([MMUEXT.PIN_L3, linux.machine(process.pgd) >> 12n]);
}

/** xen_pgd_pin: everything read-only, the L1s and then the PGD pinned, in batches. */
export function pin(linux: Kernel, process: Process): void {
  const { pgd, tables } = process;
  const calls: number[][] = [];
  tables.forEach((table, n) => {
    calls.push([HC.update_va_mapping, table, ...halves(linux.pte(table, PAGE_KERNEL_RO)), 0]);
    if (n >= 4) calls.push(mmuextCall(linux, MMUEXT.PIN_L1, table));
  });
  calls.push([HC.update_va_mapping, pgd, ...halves(linux.pte(pgd, PAGE_KERNEL_RO)), 1]);
  calls.push(mmuextCall(linux, MMUEXT.PIN_L3, pgd));
  linux.multicall(...calls);
}

function mmuextCall(linux: Kernel, cmd: number, table: number): number[] {
  const op = linux.words(cmd, linux.machine(table) >> 12n, 0);
  return [HC.mmuext_op, op, 1, 0, SELF];
}

/** context_switch: the new base pointer, its LDT, the kernel stack, TLS and a virtual TS, in one batch. */
export function switchTo(linux: Kernel, process: Tables, stack: number, gdt: number): void {
  const ops = linux.words(
    ...[MMUEXT.NEW_BASEPTR, linux.machine(process.pgd) >> 12n, 0],
    ...[MMUEXT.SET_LDT, 0, 0],
  );
  const tls = [6, 7, 8].map((n) => {
    const at = linux.machine(gdt + n * 8);
    return [
      HC.update_descriptor,
      Number(at & 0xffffffffn),
      Number(at >> 32n),
      0x0000ffff,
      0x00cff300 | n,
    ];
  });
  linux.multicall(
    [HC.mmuext_op, ops, 2, 0, SELF],
    [HC.stack_switch, 0x68, stack],
    ...tls,
    [HC.fpu_taskswitch, 1],
  );
}

/** exit_mmap: unpinned and writable again in one batch; the kernel's tables are loaded before. */
export function exit(linux: Kernel, process: Process, pool: number[]): void {
  const { pgd, tables } = process;
  const calls = [mmuextCall(linux, MMUEXT.UNPIN, pgd)];
  calls.push([HC.update_va_mapping, pgd, ...halves(linux.pte(pgd, PAGE_KERNEL)), 0]);
  tables.forEach((table, n) => {
    if (n >= 4) calls.push(mmuextCall(linux, MMUEXT.UNPIN, table));
    calls.push([HC.update_va_mapping, table, ...halves(linux.pte(table, PAGE_KERNEL)), 0]);
  });
  linux.multicall(...calls);
  for (const page of [...tables, pgd, ...process.pages.values()]) {
    linux.store(page, 0xdead);
    pool.push(page);
  }
}

/** set_pte_at of the running process, as a page fault of its own does. */
export function setPte(linux: Kernel, va: number, pte: bigint, flags = 2): void {
  linux.updateVa(va, pte, flags);
}

export const userPage = (linux: Kernel, page: number, flags = 0n) =>
  linux.pte(page, P | US | flags);
