/** How GRUB hands a domain over to the kernel it loaded: frames change places, new tables, and the old ones are memory again. */
import assert from "node:assert/strict";
import { bootOn } from "./sequence/boot.ts";
import { Kernel, MINI_OS, MMUEXT, P, PAGE, RW, US, VIRT_BASE } from "./sequence/machine.ts";

const L1_FLAGS = P | RW | US, L1_READ_ONLY = P | US, UPPER = P | RW;

Deno.test("GRUB hands over: P2M entries swapped in pairs, tables pinned, loaded and unpinned in one call, the next kernel boots [mmu_update.machphys] [mmuext_op.new_baseptr] [mmuext_op.unpin_table] [mmu.exclusive] [domain.start]", async () => {
  const grub = await Kernel.boot({ pages: 4096, elf: MINI_OS });
  const total = grub.startInfo(0x20);
  // two pages change places: the list, then both entries of the machine-to-phys table
  const swapped = [grub.page(), grub.page()];
  const pfns = swapped.map((va) => va / PAGE);
  const mfns = pfns.map((pfn) => grub.mfn(pfn));
  const list = grub.startInfo(0x44);
  pfns.forEach((pfn, n) => grub.store(list + pfn * 4, mfns[1 - n]));
  grub.mmuUpdate(
    ...pfns.map((pfn, n): [bigint, bigint] => [BigInt(mfns[1 - n]) << 12n | 1n, BigInt(pfn)]),
  );
  pfns.forEach((pfn) => assert.equal(grub.pfn(grub.mfn(pfn)), pfn));
  swapped.forEach((va) => grub.updateVa(va, grub.pte(va, L1_FLAGS), 2));
  // new tables for VIRT_BASE on, made of ordinary pages: all of memory, tables read-only
  const l3 = grub.page(), l2 = grub.page();
  const l1s = Array.from({ length: Math.ceil(total / 512) }, () => grub.page());
  const oldTables = Array.from(
    { length: grub.startInfo(0x40) },
    (_, n) => grub.startInfo(0x3c) + n * PAGE,
  );
  const tables = new Set([l3, l2, ...l1s, ...oldTables]);
  for (let pfn = 0; pfn < total; pfn++) {
    const flags = tables.has(pfn * PAGE) ? L1_READ_ONLY : L1_FLAGS;
    grub.store64(
      l1s[Math.floor(pfn / 512)] + (pfn % 512) * 8,
      BigInt(grub.mfn(pfn)) << 12n | flags,
    );
  }
  l1s.forEach((l1, n) => grub.store64(l2 + n * 8, grub.pte(l1, UPPER)));
  grub.store64(l3 + 24, grub.pte(l2, UPPER));
  for (const page of [l3, l2, ...l1s]) grub.updateVa(page, grub.pte(page, L1_READ_ONLY), 2);
  const mfn = (va: number) => grub.machine(va) >> 12n;
  const [newTop, oldTop] = [mfn(l3), mfn(oldTables[0])];
  grub.mmuext([MMUEXT.PIN_L3, newTop], [MMUEXT.NEW_BASEPTR, newTop], [MMUEXT.UNPIN, oldTop]);
  // from here on everything is seen at VIRT_BASE
  grub.setStartInfo(0x44, list + VIRT_BASE);
  grub.setStartInfo(0x3c, l3 + VIRT_BASE);
  grub.setStartInfo(0x40, 2 + l1s.length);
  grub.setStartInfo(0x28, 8); // its ramdisk by pfn
  grub.setStartInfo(0x48, 1);
  const kernel = grub.next(VIRT_BASE);
  assert.equal(kernel.tryStore(0x2000, 0n), 2, "nothing is at 0 any more");
  for (const table of oldTables) {
    const va = table + VIRT_BASE;
    kernel.updateVa(va, kernel.pte(va, L1_FLAGS), 2);
    kernel.store(va, 0);
  }
  kernel.sound();
  bootOn(kernel);
  kernel.sound();
});
