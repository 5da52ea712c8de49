/** The GDT a guest sees, its own frames and Xen's page behind them, and the LDT, from guest code (pv-abi §8.1, §8.2, §8.4, §8.5). */
import assert from "node:assert/strict";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";
import { CODE, DATA, HC, imm, KDS, kernel, registers, run, spot } from "../traps/kernel.ts";
import { descriptor, park } from "../traps/selectors.ts";

const EINVAL = -22;
const KERNEL_DATA = 0xcf9300, KERNEL_CODE = 0xcf9b00, USER_DATA = 0xcff300, PRESENT = 0x8000;
const FIRST = 70; // pages that become tables
const NOP = [0x90];

const map = (guest: Guest, page: number, flags: number) =>
  guest.call(
    HC.updateVa,
    guest.va(page),
    guest.mfns[page] << 12 | flags,
    guest.mfns[page] >>> 20,
    2,
  );
const setGdt = (guest: Guest, entries: number, pages: number[]) =>
  guest.call(HC.setGdt, guest.write(guest.va(30), ...pages.map((p) => guest.mfns[p])), entries);
const setLdt = (guest: Guest, base: number, entries: number) =>
  guest.call(HC.mmuext, guest.write(guest.va(30), 13, base, entries), 1, 0, SELF);
const loadFs = (selector: number) => [0xb8, ...imm(selector), 0x8e, 0xe0];

Deno.test("set_gdt with 0 to 14 frames: all of each counts, beyond them is #GP with the selector, Xen's page stays [set_gdt] [descriptor.gdt] [descriptor.gdt_end] [descriptor.xen]", async () => {
  const { guest, frame, inKernel } = await kernel();
  inKernel(NOP);
  const pages = Array.from({ length: 14 }, (_, n) => FIRST + n);
  for (const [n, page] of pages.entries()) {
    guest.write(guest.va(page, 511 * 8), ...descriptor(KERNEL_DATA, (n + 1) << 12));
    assert.equal(map(guest, page, 0x61), 0);
  }
  for (let count = 0; count <= 14; count++) {
    // one entry of the last frame is enough to have it all
    const entries = count ? (count - 1) * 512 + 1 : 0;
    assert.equal(setGdt(guest, entries, pages.slice(0, count)), 0);
    for (const n of [0, count - 1, count, 13].filter((n) => n >= 0 && n < 14)) {
      const selector = n << 12 | 511 * 8 | 1;
      run(guest, loadFs(selector));
      const { eip, fs, fsBase } = registers(guest);
      if (n < count) assert.deepEqual([fs, fsBase], [selector, (n + 1) << 12]);
      else assert.deepEqual([eip, frame(1)[0]], [spot(guest, 13), selector & ~3]);
    }
    run(guest, loadFs(KDS));
    assert.equal(registers(guest).fs, KDS);
    // a table's frame is not to be written; one that is none any more is
    pages.forEach((page, n) => {
      assert.equal(map(guest, page, 0x63) === 0, n >= count, `${n} of ${count}`);
      assert.equal(map(guest, page, 0x61), 0);
    });
    assert.equal(guest.rig.inside.audit(guest.domid), 0);
  }
});

Deno.test("another GDT is for loads to come: what is loaded stays until then [set_gdt] [descriptor.gdt_live]", async () => {
  const { guest, table, inKernel } = await kernel();
  table.gdt(5, descriptor(KERNEL_DATA, 0x1000));
  inKernel([...loadFs(5 * 8 | 1)]);
  assert.equal(registers(guest).fsBase, 0x1000);
  guest.write(guest.va(FIRST, 5 * 8), ...descriptor(KERNEL_DATA, 0x7000));
  assert.equal(map(guest, FIRST, 0x61), 0);
  assert.equal(setGdt(guest, 16, [FIRST]), 0);
  run(guest, NOP);
  assert.equal(registers(guest).fsBase, 0x1000);
  run(guest, loadFs(5 * 8 | 1));
  assert.equal(registers(guest).fsBase, 0x7000);
});

Deno.test("each vCPU has a GDT and an LDT of its own [set_gdt] [mmuext_op.set_ldt]", async () => {
  const { guest, table, handlers, rig, frame } = await kernel({ vcpus: 2 });
  table.gdt(5, descriptor(KERNEL_DATA, 0x1000));
  table.ldt(5, descriptor(KERNEL_DATA, 0x2000));
  const EIP = 0x224, at = spot(guest, 50);
  assert.equal(guest.call(HC.vcpu, 0, 1, guest.context((c) => c.setUint32(EIP, at, true))), 0);
  assert.equal(guest.call(HC.vcpu, 1, 1), 0);
  run(guest, loadFs(5 * 8 | 1));
  assert.equal(registers(guest).fsBase, 0x1000);
  for (const selector of [5 * 8 | 1, 5 * 8 | 5]) {
    guest.enter(1);
    handlers([13, spot(guest, 40)]);
    park(guest, loadFs(selector));
    rig.inside.slice_end();
    for (let n = 0; n < 60; n++) rig.core.exports.machine_run(0n, 1000);
    guest.enter(1);
    assert.deepEqual([registers(guest).eip, frame(1)[0]], [spot(guest, 40), selector & ~3]);
    guest.enter(0);
  }
});

Deno.test("a kernel's descriptors of DPL 0 are ring 1's: selectors of RPL 0 load as data, CS has RPL 1 after a far jump [descriptor.far_jump] [descriptor.load]", async () => {
  const { guest, table, inKernel } = await kernel();
  table.gdt(12, descriptor(KERNEL_CODE));
  table.gdt(13, descriptor(KERNEL_DATA));
  inKernel([...loadFs(0x68), 0xea, ...imm(spot(guest, 50)), 0x60, 0]);
  const { fs, cs, eip, cpl } = registers(guest);
  assert.deepEqual([fs, cs, eip, cpl], [0x68, 0x61, spot(guest, 50), 1]);
  assert.deepEqual([12, 13].map((n) => table.gdtWords(n)[1] & 0x6000), [0x2000, 0x2000]);
});

/** LAR and LSL of each selector in one of the rings; null where ZF stays clear. */
async function inspect(ring: 1 | 3, selectors: number[]) {
  const { guest, table, inKernel, inUser } = await kernel();
  table.gdt(1, descriptor(KERNEL_CODE, 0x5000, 0x12345));
  table.gdt(2, descriptor(USER_DATA & ~0x800000, 0, 0x12345));
  table.gdt(3, descriptor(USER_DATA & ~PRESENT)); // LAR sees what is not present
  table.gdt(4, [0xe019 << 16, 0xec00]);
  table.ldt(1, descriptor(USER_DATA, 0, 0xff));
  const NONE = 0x5a5a5a5a;
  const look = selectors.flatMap((selector, n) =>
    [2, 3].flatMap((
      op,
      m,
    ) => [
      ...[0xb9, ...imm(selector), 0xb8, ...imm(NONE), 0x0f, op, 0xc1],
      ...[0xa3, ...imm(guest.va(DATA, n * 8 + m * 4))],
    ])
  );
  if (ring === 1) inKernel(look);
  else inUser(look);
  assert.equal(registers(guest).cpl, ring, "no fault");
  return selectors.map((_, n) =>
    [0, 4].map((m) => guest.read(guest.va(DATA, n * 8 + m)) >>> 0).map((v) => v === NONE ? null : v)
  );
}

Deno.test("LAR and LSL look at one table: the guest's entries, nothing between, Xen's page [descriptor.lar_lsl] [descriptor.xen]", async () => {
  const none = [null, null];
  const code1 = [0xc0bb00, 0xffffffff], data1 = [0xc0b300, 0xffffffff];
  const cases: [selector: number, ring1: (number | null)[], ring3: (number | null)[]][] = [
    [0, none, none],
    [8, [0xc0bb00, 0x12345fff], none],
    [0x10, [0x40f300, 0x12345], [0x40f300, 0x12345]],
    [0x18, [0xc07300, 0xffffffff], [0xc07300, 0xffffffff]],
    [0x20, none, none], // a call gate, whose DPL is 0 now
    [0x28, none, none],
    [0x1000, none, none],
    [0xdff8, none, none],
    [0xe008, none, none],
    [0xe010, none, none],
    [0xe019, code1, none],
    [0xe01a, none, none], // RPL above DPL
    [0xe021, data1, none],
    [0xe02b, [0xc0fb00, 0xffffffff], [0xc0fb00, 0xffffffff]],
    [0xe033, [0xc0f300, 0xffffffff], [0xc0f300, 0xffffffff]],
    [0xe040, none, none],
    [0xe050, none, none],
    [0xe060, none, none],
    [0xeff8, none, none],
    [0xfff8, none, none],
    [8 | 4, [0xc0f300, 0xfffff], [0xc0f300, 0xfffff]],
    [17 * 8 | 4, none, none],
  ];
  const selectors = cases.map(([selector]) => selector);
  for (const ring of [1, 3] as const) {
    const seen = await inspect(ring, selectors);
    cases.forEach(([selector, ...expected], n) =>
      assert.deepEqual(seen[n], expected[ring === 1 ? 0 : 1], `${selector.toString(16)}, ${ring}`)
    );
  }
});

Deno.test("an LDT page is looked for at its first use: #PF at the descriptor, and the load works once it is there [descriptor.ldt_lazy] [descriptor.ldt_fault]", async () => {
  const { guest, frame, inKernel } = await kernel();
  inKernel(NOP);
  const [first, second] = [FIRST, FIRST + 1];
  guest.write(guest.va(first, 8), ...descriptor(KERNEL_DATA, 0x1000));
  guest.write(guest.va(second, 4088), ...descriptor(KERNEL_DATA, 0x2000));
  assert.equal(map(guest, first, 0x61), 0);
  assert.equal(setLdt(guest, guest.va(first), 1024), 0);
  const far = 1023 * 8 | 5;
  const refused = (why: string) => {
    run(guest, loadFs(far));
    assert.equal(registers(guest).eip, spot(guest, 14), why);
    assert.deepEqual(frame(2), [0, guest.va(CODE, 5)], why);
    assert.equal(guest.shared(8) >>> 0, guest.va(second, 4088), why);
  };
  run(guest, loadFs(8 | 5));
  assert.equal(registers(guest).fsBase, 0x1000, "the other page does not matter");
  refused("writable");
  assert.equal(guest.call(HC.updateVa, guest.va(second), 0, 0, 2), 0);
  refused("not mapped");
  assert.equal(map(guest, second, 0x63), 0);
  guest.write(guest.va(second, 16), 0x67, 0x8900);
  assert.equal(map(guest, second, 0x61), 0);
  refused("a TSS in it");
  assert.equal(map(guest, second, 0x63), 0);
  guest.write(guest.va(second, 16), 0, 0);
  assert.equal(map(guest, second, 0x61), 0);
  run(guest, loadFs(far));
  assert.deepEqual([registers(guest).fs, registers(guest).fsBase], [far, 0x2000]);
  assert.notEqual(map(guest, second, 0x63), 0, "it is in use");
  // a new base pointer lets both go, until they are used again
  const baseptr = guest.write(guest.va(30), 5, guest.mfns[0], 0);
  assert.equal(guest.call(HC.mmuext, baseptr, 1, 0, SELF), 0);
  assert.equal(map(guest, second, 0x63), 0);
  refused("writable again");
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("an LDT of 8192 entries has its last one, one of 0 none at all [descriptor.ldt_end] [mmuext_op.set_ldt]", async () => {
  const { guest, frame, inKernel } = await kernel();
  inKernel(NOP);
  guest.write(guest.va(FIRST, 4088), ...descriptor(KERNEL_DATA, 0x3000));
  assert.equal(map(guest, FIRST, 0x61), 0);
  assert.equal(setLdt(guest, guest.va(FIRST - 15), 8192), 0);
  run(guest, loadFs(0xfffd));
  assert.deepEqual([registers(guest).fs, registers(guest).fsBase], [0xfffd, 0x3000]);
  for (const entries of [8191, 0]) {
    assert.equal(setLdt(guest, guest.va(FIRST - 15), entries), 0);
    run(guest, loadFs(0xfffd));
    assert.deepEqual([registers(guest).eip, frame(1)[0]], [spot(guest, 13), 0xfffc]);
  }
  assert.equal(map(guest, FIRST, 0x63), 0, "let go");
});

Deno.test("update_descriptor does not write another domain's frame, nor one that is mapped nowhere of its own [update_descriptor] [errno.EINVAL]", async () => {
  const rig = await Rig.create(2);
  const guest = rig.addGuest(), other = rig.addGuest();
  park(other.enter());
  assert.equal(map(other, FIRST, 0x61), 0);
  assert.equal(setGdt(other, 16, [FIRST]), 0);
  guest.enter();
  const update = (mfn: number) => {
    const address = mfn * 4096 + 40;
    return guest.call(
      HC.updateDescriptor,
      address | 0,
      Math.floor(address / 2 ** 32),
      0xffff,
      0xcff300,
    );
  };
  for (const mfn of [other.mfns[FIRST], other.mfns[50]]) assert.equal(update(mfn), EINVAL);
  for (const at of [other.va(FIRST, 44), other.va(50, 44)]) assert.equal(other.read(at), 0);
  assert.equal(setGdt(guest, 16, [50]), EINVAL, "a page of its own that is writable");
  guest.write(guest.va(30), other.mfns[FIRST]);
  assert.equal(guest.call(HC.setGdt, guest.va(30), 16), EINVAL);
  assert.deepEqual([guest, other].map((g) => rig.inside.audit(g.domid)), [0, 0]);
});
