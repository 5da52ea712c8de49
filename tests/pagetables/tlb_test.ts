/** What the TLB may remember, and when it must forget. */
import assert from "node:assert/strict";
import { A, ARGS, BASE, D, HC, NX, OP, P, READ, Rig, RW, TestDomain, US, WRITE } from "./rig.ts";

const DATA = 12;
const DATA2 = 13;
const L1 = 8;
const L2B = 9;
const L3 = 10;
const V = BASE + 30 * 4096; // no page of its own

async function domain(): Promise<TestDomain> {
  return TestDomain.create(await Rig.create());
}

/** A second address space that maps `V` to DATA2, everything else as the first. */
function secondSpace(d: TestDomain): void {
  const copy = (from: number, to: number, change: Record<number, bigint>) => {
    assert.equal(d.remap(to, P | RW), 0);
    for (let i = 0; i < 512; i++) {
      const e = change[i] ?? d.rig.entry(d.mfns[from], i);
      if (e && i < 428) assert.equal(d.mmuUpdate(d.at(to, i), e), 0);
    }
    assert.equal(d.remap(to, P), 0);
  };
  for (const page of [L1, L2B, L3]) assert.equal(d.remap(page, P), 0);
  copy(2, L1, { 30: d.pte(DATA2, P | RW), [L1]: d.pte(L1, P) });
  copy(1, L2B, { 0: d.pte(L1, P | RW | US) });
  assert.equal(d.mmuUpdate(d.at(L3, 3), d.pte(L2B, P)), 0);
  assert.equal(d.mmuext(OP.PIN_L3, d.mfns[L3]), 0);
}

Deno.test("a change is seen after its flush at the latest [mmu.flush_l1] [update_va_mapping.none] [update_va_mapping.tlb_flush] [update_va_mapping.invlpg] [mmuext_op.tlb_flush_local] [mmuext_op.invlpg_local]", async () => {
  const d = await domain();
  d.store(d.va(DATA), 1n);
  d.store(d.va(DATA2), 2n);
  for (
    const [flags, extra] of [[1, null], [2, null], [0, OP.TLB_FLUSH_LOCAL], [0, OP.INVLPG_LOCAL]]
  ) {
    assert.equal(d.updateVa(V, d.pte(DATA, P | RW), 2), 0);
    assert.equal(d.load(V).value, 1n);
    assert.equal(d.updateVa(V, d.pte(DATA2, P | RW), flags!), 0);
    if (extra !== null) assert.equal(d.mmuext(extra!, V), 0);
    assert.equal(d.load(V).value, 2n);
  }
  assert.equal(d.updateVa(V, 0n, 2), 0);
  assert.deepEqual(d.load(V), { error: 0, address: V });
  // not present to present needs none
  assert.equal(d.updateVa(V, d.pte(DATA, P | RW), 0), 0);
  assert.equal(d.load(V).value, 1n);
});

Deno.test("changes above level 1 flush by themselves [mmu.flush_upper] [xsa.286]", async () => {
  const d = await domain();
  d.store(d.va(DATA), 1n);
  assert.equal(d.remap(L1, P), 0);
  assert.equal(d.mmuUpdate(d.at(L1, DATA), d.pte(DATA2, P)), 0);
  assert.equal(d.mmuUpdate(d.at(1, 5), d.pte(2, P | RW)), 0);
  const va = BASE + 5 * 0x200000 + DATA * 4096;
  assert.equal(d.load(va).value, 1n);
  assert.equal(d.mmuUpdate(d.at(1, 5), d.pte(L1, P | RW)), 0);
  assert.equal(d.load(va).value, 0n);
  d.sound();
});

Deno.test("address spaces do not see each other's translations [mmuext_op.new_baseptr]", async () => {
  const d = await domain();
  secondSpace(d);
  assert.equal(d.updateVa(V, d.pte(DATA, P | RW)), 0);
  d.store(d.va(DATA), 1n);
  d.store(d.va(DATA2), 2n);
  for (let i = 0; i < 5; i++) {
    assert.equal(d.load(V).value, 1n);
    assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
    assert.equal(d.load(V).value, 2n);
    assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), 0);
  }
  d.sound();
});

Deno.test("an entry with G is of its own address space all the same [mmu.global]", async () => {
  const d = await domain();
  const G = 0x100n;
  secondSpace(d);
  assert.equal(d.updateVa(V, d.pte(DATA, P | RW | G)), 0);
  assert.equal(d.mmuUpdate(d.at(L1, 30), d.pte(DATA2, P | RW | G)), 0);
  d.store(d.va(DATA), 1n);
  d.store(d.va(DATA2), 2n);
  for (let i = 0; i < 3; i++) {
    assert.equal(d.load(V).value, 1n);
    assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
    assert.equal(d.load(V).value, 2n);
    assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), 0);
  }
  d.sound();
});

Deno.test("a table changed while another was loaded is seen when it is loaded again", async () => {
  const d = await domain();
  secondSpace(d);
  d.store(d.va(DATA), 1n);
  d.store(d.va(DATA2), 2n);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
  assert.equal(d.load(V).value, 2n);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), 0);
  // no flush asked for: loading CR3 is one
  assert.equal(d.mmuUpdate(d.at(L1, 30), d.pte(DATA, P | RW)), 0);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
  assert.equal(d.load(V).value, 1n);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), 0);
  // gone as a table, changed as a plain page, and a table again under the same number
  assert.equal(d.mmuext(OP.UNPIN, d.mfns[L3]), 0);
  assert.equal(d.mmuUpdate(d.at(L1, 30), d.pte(DATA2, P | RW)), 0);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[L3]), 0);
  assert.equal(d.load(V).value, 2n);
});

Deno.test("more flushes than there are address-space numbers", async () => {
  const d = await domain();
  d.store(d.va(DATA), 1n);
  d.store(d.va(DATA2), 2n);
  for (let i = 0; i < 5000; i++) {
    const page = i & 1 ? DATA : DATA2;
    assert.equal(d.updateVa(V, d.pte(page, P | RW), 1), 0);
    assert.equal(d.load(V).value, i & 1 ? 1n : 2n);
  }
  d.sound();
});

Deno.test("a page that becomes a table is not written through what the TLB remembers [mmu.flush_type] [xsa.401]", async () => {
  const d = await domain();
  // reached through one and through several addresses, one of them in the other space
  for (const aliases of [[], [31], [31, 32, 33]]) {
    for (const n of aliases) assert.equal(d.mmuUpdate(d.at(2, n), d.pte(L1, P | RW)), 0);
    const all = [L1, ...aliases].map((n) => BASE + n * 4096);
    for (const va of all) assert.notEqual(d.store(va, 0n).value, undefined);
    // read-only everywhere, but no flush
    for (const va of all) assert.equal(d.updateVa(va, d.pte(L1, P), 0), 0);
    assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
    d.sound();
    for (const va of all) assert.equal(d.store(va, 7n).error, 3);
    assert.equal(d.rig.entry(d.mfns[L1], 0), 0n);
    assert.equal(d.mmuext(OP.UNPIN, d.mfns[L1]), 0);
    for (const va of all) assert.equal(d.updateVa(va, d.pte(L1, P | RW), 2), 0);
    for (const n of aliases) assert.equal(d.mmuUpdate(d.at(2, n), 0n), 0);
    d.mmuext(OP.TLB_FLUSH_ALL);
  }
  // the same for descriptor pages
  d.store(d.va(L1), 0n);
  assert.equal(d.updateVa(d.va(L1), d.pte(L1, P), 0), 0);
  assert.equal(d.setGdt([d.mfns[L1]]), 0);
  assert.equal(d.store(d.va(L1), 7n).error, 3);
  d.sound();
});

Deno.test("a freed frame is out of reach, flushed or not [mmu.freed_in_use] [memory_op.decrease_reservation]", async () => {
  const d = await domain();
  d.store(d.va(DATA), 0x55n);
  assert.equal(d.updateVa(d.va(DATA), 0n, 0), 0);
  assert.equal(d.load(d.va(DATA)).value, 0x55n, "until the flush the TLB may answer");
  assert.equal(d.reservation(1, [d.mfns[DATA]]), 1);
  assert.deepEqual(d.load(d.va(DATA)), { error: 0, address: d.va(DATA) });
  // while a mapping is left it stays, and goes with the last
  d.store(d.va(DATA2), 0x66n);
  assert.equal(d.reservation(1, [d.mfns[DATA2]]), 1);
  assert.equal(d.load(d.va(DATA2)).value, 0x66n);
  assert.equal(d.updateVa(d.va(DATA2), 0n, 0), 0);
  assert.equal(d.load(d.va(DATA2)).error, 0);
  d.sound();
});

Deno.test("accessed and dirty bits are set in memory, at each level, as used [mmu.accessed]", async () => {
  const d = await domain();
  const bits = (pfn: number, index: number) => d.rig.entry(d.mfns[pfn], index) & 0xfffn;
  assert.equal(d.updateVa(V, d.pte(DATA, P | RW)), 0);
  assert.equal(d.mmuUpdate(d.at(1, 0), d.pte(2, P | RW)), 0);
  assert.equal(bits(2, 30), P | RW);
  d.load(V);
  assert.equal(bits(2, 30), P | RW | A);
  assert.equal(bits(1, 0), P | RW | A);
  assert.equal(bits(0, 3) & A, A);
  d.store(V, 1n);
  assert.equal(bits(2, 30), P | RW | A | D);
  // cleared and flushed, they are set again
  assert.equal(d.updateVa(V, d.pte(DATA, P | RW)), 0);
  d.store(V, 1n);
  assert.equal(bits(2, 30), P | RW | A | D);
  // a fault sets nothing
  assert.equal(d.updateVa(V, d.pte(DATA, P)), 0);
  assert.equal(d.store(V, 1n).error, 3);
  assert.equal(bits(2, 30), P);
});

Deno.test("rights are those of all levels together [mmu.rights] [mmu.nx] [trap.#PF]", async () => {
  const d = await domain();
  const va = BASE + 6 * 0x200000 + 3 * 4096;
  assert.equal(d.remap(L1, P), 0);
  for (const l2 of [0n, RW, US, RW | US]) {
    for (const l1 of [0n, RW, US, RW | US]) {
      assert.equal(d.mmuUpdate(d.at(L1, 3), d.pte(DATA, P | l1)), 0);
      assert.equal(d.mmuUpdate(d.at(1, 6), d.pte(L1, P | l2)), 0);
      d.mmuext(OP.TLB_FLUSH_LOCAL);
      for (const cpl of [1, 3] as const) {
        d.cpl = cpl;
        const both = l1 & l2;
        const user = cpl === 3 ? 4 : 0;
        const seen = cpl === 1 || (both & US) !== 0n;
        assert.equal(d.load(va).error, seen ? undefined : 1 | user);
        assert.equal(d.store(va, 1n).error, seen && both & RW ? undefined : 3 | user);
        // once more, now that the TLB may know it
        assert.equal(d.load(va).error, seen ? undefined : 1 | user);
        assert.equal(d.store(va, 1n).error, seen && both & RW ? undefined : 3 | user);
      }
      d.cpl = 1;
    }
    assert.equal(d.mmuUpdate(d.at(1, 6), 0n), 0);
  }
  d.sound();
});

Deno.test("an access over a page's end is whole or nothing, and CR2 says which page", async () => {
  const d = await domain();
  const end = d.va(DATA2);
  assert.equal(d.store(end - 2, 0x11223344n).value, 0x11223344n);
  assert.equal(d.load(end - 4).value, 0x33440000n);
  assert.equal(d.load(end).value, 0x1122n);
  assert.equal(d.load(end - 3, 8).value, 0x1122334400n);
  assert.equal(d.store(end - 1, 0xaabbn, 2).value, 0xaabbn);
  assert.equal(d.load(end - 2).value, 0x11aabb44n);
  assert.equal(d.remap(DATA2, P), 0);
  assert.deepEqual(d.store(end - 2, 0n), { error: 3, address: end });
  assert.deepEqual(d.store(end - 2, 0n, 4, 3), { error: 3, address: end });
  assert.equal(d.load(end - 2).value, 0x11aabb44n);
  assert.equal(d.updateVa(end, 0n), 0);
  assert.deepEqual(d.load(end - 1, 2), { error: 0, address: end });
  assert.equal(d.updateVa(end, d.pte(DATA2, P)), 0);
  assert.equal(d.updateVa(d.va(DATA), 0n), 0);
  assert.deepEqual(d.load(end - 1, 2), { error: 0, address: end - 1 });
});

Deno.test("the machine-to-phys table is there to be read by the kernel, and nothing else [mmu.m2p] [mmu.hole]", async () => {
  const d = await domain();
  const m2p = 0xf5800000;
  assert.equal(d.load(m2p + 4 * d.mfns[5]).value, 5n);
  assert.deepEqual(d.store(m2p, 0n), { error: 3, address: m2p });
  d.cpl = 3;
  assert.deepEqual(d.load(m2p), { error: 5, address: m2p });
  assert.deepEqual(d.store(m2p, 0n), { error: 7, address: m2p });
  d.cpl = 1;
  for (const beyond of [0xf5a00000, 0xffe00000, 0xfffffffc]) {
    assert.deepEqual(d.load(beyond), { error: 0, address: beyond });
  }
  assert.deepEqual(d.load(0xfffffffe, 4), { error: 0, address: 0xfffffffe });
});

Deno.test("through a linear entry the slot-3 L2 shows its tables, and the hypervisor's entries as pages [mmu.xen_entries] [pte.l2.linear]", async () => {
  const d = await domain();
  assert.equal(d.mmuUpdate(d.at(1, 10), d.pte(1, P)), 0);
  const linear = BASE + 10 * 0x200000;
  assert.equal(d.load(linear + 10 * 4096 + 80, 8).value! & ~A, d.pte(1, P), "its own page");
  assert.equal(d.load(linear + 24, 8).value, d.rig.entry(d.mfns[2], 3), "the L1 in entry 0");
  assert.equal(d.load(linear + 428 * 4096 + 4 * d.mfns[5]).value, 5n, "the machine-to-phys table");
  for (const n of [0, 10, 428]) assert.equal(d.store(linear + n * 4096, 0n).error, 3);
  d.sound();
});

Deno.test("hypercall arguments are read and written with the kernel's rights [hypercall.pointers]", async () => {
  const d = await domain();
  // a list across a page's end, in user pages
  const list = d.va(DATA2) - 8;
  assert.equal(d.remap(DATA, P | RW | US), 0);
  assert.equal(d.remap(DATA2, P | RW | US), 0);
  const request = [d.mfns[14] << 12, 0, 0x1234, 0];
  request.forEach((w, i) => d.store(list + i * 4, BigInt(w >>> 0)));
  assert.equal(d.hypercall(HC.mmu_update, list, 1, 0, 0x7ff0), 0);
  assert.equal(d.rig.entry(d.mfns[14], 0), 0x1234n);
  // done over a page's end where the second page is read-only: not an error, and only the first half
  assert.equal(d.remap(DATA2, P), 0);
  d.store(d.va(DATA2) - 4, 0xffffffffn);
  assert.equal(d.hypercall(HC.mmu_update, ARGS, 0, d.va(DATA2) - 2, 0x7ff0), 0);
  assert.equal(d.load(d.va(DATA2) - 2, 2).value, 0n);
  assert.equal(d.updateVa(d.va(DATA), 0n), 0);
  assert.equal(d.hypercall(HC.mmu_update, list, 1, 0, 0x7ff0), -14);
  // execution is not reading
  assert.equal(d.remap(DATA, P | RW | NX), 0);
  assert.equal(d.load(d.va(DATA)).error, undefined);
  assert.equal(READ + WRITE, 1);
});
