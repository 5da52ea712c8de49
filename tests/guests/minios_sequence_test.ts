/** What 32-bit Mini-OS does on Xen, call by call: VIRT_BASE 0, the builder's own tables, shared_info over a page of the image. */
import assert from "node:assert/strict";
import { A, D, HC, Kernel, MINI_OS, MMUEXT, P, PAGE, RW, SELF, US } from "./sequence/machine.ts";

const CS = 0xe019;
const L1_PROT = P | RW | A, L2_PROT = P | RW | A | D | US, L3_PROT = P;
const SHARED_INFO = PAGE; // the page before the hypercall page
const HEAP = 0x40000000;

const shift = (level: number) => 12 + 9 * (level - 1);
const index = (va: number, level: number) => Math.floor(va / 2 ** shift(level)) % 512;

/** Address of the entry of a level for an address, by the builder's tables; null if one is missing on the way. */
function find(os: Kernel, va: number, level: number): number | null {
  let table = os.startInfo(0x3c);
  for (let at = 3; at > level; at--) {
    const entry = os.load64(table + index(va, at) * 8);
    if (!(entry & P)) return null;
    table = os.table(entry);
  }
  return table + index(va, level) * 8;
}

/** new_pt_frame: a zeroed page made read-only by its own L1 entry, then hung in. */
function newTable(os: Kernel, va: number, level: 1 | 2, page: number): void {
  for (let n = 0; n < PAGE; n += 4) os.store(page + n, 0);
  const prot = level === 1 ? L1_PROT : L2_PROT;
  os.mmuUpdate([os.machine(find(os, page, 1)!), os.pte(page, prot & ~RW)]);
  const entry = find(os, va, level + 1)!;
  os.mmuUpdate([os.machine(entry), os.pte(page, level === 1 ? L2_PROT : L3_PROT)]);
}

/** need_pgt: the L1 entry for an address, with the tables it takes. */
function need(os: Kernel, va: number, take: () => number): number {
  if (!(os.load64(find(os, va, 3)!) & P)) newTable(os, va, 2, take());
  if (!(os.load64(find(os, va, 2)!) & P)) newTable(os, va, 1, take());
  return find(os, va, 1)!;
}

Deno.test("Mini-OS starts: tables, callbacks, memory, grants, a timer, and its end [domain.start] [mmu.exclusive] [mmu.m2p] [sched_op.block] [set_timer_op]", async () => {
  const os = await Kernel.boot({ pages: 4096, elf: MINI_OS });
  assert.equal(os.load(0x2000 + 17 * 32, 1), 0xb8n, "the hypercall page is the image's third");
  const traps = os.page();
  [0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19].forEach((vector, n) => {
    os.store(traps + n * 8, BigInt(vector | CS << 16) & 0xffffffffn);
    os.store(traps + n * 8 + 4, 0x3000 + n * 16);
  });
  os.must(HC.set_trap_table, traps);
  const shared = BigInt(os.startInfo(0x24));
  os.updateVa(SHARED_INFO, shared | 7n, 2);
  assert.equal(os.load(SHARED_INFO + 1, 1), 1n);
  os.must(HC.set_callbacks, CS, 0x3100, CS, 0x3200);
  for (let n = 0; n < 32; n++) os.store(SHARED_INFO + 0x880 + n * 4, 0xffffffff);
  // build_pagetable: whatever of memory the builder did not map
  let free = os.startInfo(0x3c) + os.startInfo(0x40) * PAGE + PAGE;
  const take = () => {
    free += PAGE;
    return free - PAGE;
  };
  const pages = os.startInfo(0x20);
  for (let va = 0; va < pages * PAGE; va += 512 * PAGE) {
    need(os, va, take);
    const requests: [bigint, bigint][] = [];
    for (let pfn = va / PAGE; pfn < Math.min(pages, va / PAGE + 512); pfn++) {
      const entry = find(os, pfn * PAGE, 1)!;
      if (os.load64(entry) & P) continue;
      requests.push([os.machine(entry), BigInt(os.mfn(pfn)) << 12n | L1_PROT]);
    }
    for (let n = 0; n < requests.length; n += 16) os.mmuUpdate(...requests.slice(n, n + 16));
  }
  os.sound();
  os.store((pages - 1) * PAGE, 0x1234);
  // the text becomes read-only, address 0 is unmapped
  os.mmuUpdate(...[3, 4, 5].map((pfn): [bigint, bigint] => {
    const entry = find(os, pfn * PAGE, 1)!;
    return [os.machine(entry), os.load64(entry) & ~RW];
  }));
  os.mmuext([MMUEXT.TLB_FLUSH_ALL, 0]);
  assert.equal(os.tryStore(3 * PAGE, 0n), 3);
  os.updateVa(0, 0n, 2);
  assert.equal(os.tryStore(0, 0n), 2);
  // rings by the M2P; the heap on demand, with pages of its own, then unmapped in batches
  for (const at of [0x2c, 0x34]) {
    assert.equal(os.load(os.pfn(os.startInfo(at)) * PAGE + 0xc00) >= 0n, true);
  }
  for (let n = 0; n < 20; n++) {
    const va = HEAP + n * 0x80000;
    os.mmuUpdate([os.machine(need(os, va, take)), os.pte(take(), L1_PROT)]);
    os.store(va, n);
  }
  os.multicall(
    ...Array.from({ length: 20 }, (_, n) => [HC.update_va_mapping, HEAP + n * 0x80000, 0, 0, 2]),
  );
  assert.equal(os.tryStore(HEAP, 0n), 2);
  os.sound();
  // grants: four frames mapped in the heap
  const list = os.words(0, 0, 0, 0);
  os.must(HC.grant_table_op, 2, os.words(SELF, 4, 0, list), 1);
  for (let n = 0; n < 4; n++) {
    const va = HEAP + 0x2000000 + n * PAGE;
    os.mmuUpdate([os.machine(need(os, va, take)), os.load(list + n * 4) << 12n | L1_PROT]);
    os.store(va + 64, 1);
  }
  // time: a timer, then the thread that waits for it
  const bind = os.words(0, 0, 0);
  os.must(HC.event_channel_op, 1, bind);
  const port = Number(os.load(bind + 8));
  os.store(SHARED_INFO + 0x880, ~(1 << port) >>> 0);
  os.must(HC.set_timer_op, 10_000_000, 0);
  os.store(SHARED_INFO, 0);
  assert.equal(os.call(HC.sched_op, 1, 0), 0);
  assert.equal(os.inside.slice_end(), 0, "idle until then");
  os.inside.slice_begin(1n << 62n, 0x7fffffff);
  assert.equal(os.load(SHARED_INFO + 0x800) >> BigInt(port) & 1n, 1n);
  os.sound();
  os.call(HC.sched_op, 2, os.words(0));
  assert.equal(os.core.exports.domain_shutdown_code(os.built.domid), 0);
});
