/** `--option xen32_limits`: what descriptors become, sentence by sentence (pv-abi §8.6, §8.1). */
import assert from "node:assert/strict";
import fc from "fast-check";
import { descriptor, loadSelectors, registers, spot } from "../traps/selectors.ts";
import {
  CODE,
  DATA,
  DOWN,
  EINVAL,
  END,
  frame,
  handlers,
  HC,
  KCS,
  KDS,
  limitOf,
  PAGES,
  PRESENT,
  start,
  UCS,
  UDS,
} from "./limits_2007.ts";

Deno.test("a base must lie a page below the end [limits_2007.base] [option.xen32_limits]", async () => {
  const { table } = await start();
  assert.equal(table.tryGdt(1, descriptor(DATA, END - 4096, 0)), EINVAL);
  assert.equal(table.tryGdt(1, descriptor(DATA, 0xffffffff, 0)), EINVAL);
  assert.equal(table.tryGdt(1, descriptor(DATA, END - 4097, 0)), 0);
  assert.equal(table.tryGdt(1, descriptor(DATA & ~PRESENT, 0xffffffff)), 0); // absent: anything
});

Deno.test("a segment that grows up and wraps or ends too high gets a shorter limit, if in pages [limits_2007.truncated]", async () => {
  const { table } = await start();
  for (const kind of [DATA, CODE]) {
    table.gdt(1, descriptor(kind, 0));
    assert.equal(limitOf(table.gdtWords(1)), 0xf67ff);
    table.gdt(1, descriptor(kind, 0x12345000));
    assert.equal(limitOf(table.gdtWords(1)), ((END - 0x12345000) >>> 12) - 1);
    table.gdt(1, descriptor(kind, 0x1000, 0xf67fe)); // ends exactly there
    assert.equal(limitOf(table.gdtWords(1)), 0xf67fe);
    table.gdt(1, descriptor(kind, 0x1001, 0xf67fe)); // a byte more
    assert.equal(limitOf(table.gdtWords(1)), 0xf67fd);
  }
  // by bytes: no
  assert.equal(table.tryGdt(1, descriptor(DATA & ~PAGES, END - 0x2000, 0x2000)), EINVAL);
  assert.equal(table.tryGdt(1, descriptor(DATA & ~PAGES, END - 0x2000, 0x1fff)), 0);
});

Deno.test("one that grows down and wraps begins where its base's page brings it to 0 [limits_2007.expand_down]", async () => {
  const { table } = await start();
  table.gdt(1, descriptor(DATA | DOWN, 0x40000800, 0xfff00));
  assert.equal(limitOf(table.gdtWords(1)), 0xbffff);
  table.gdt(1, descriptor(DATA | DOWN, 0x40000000, 0xb0000)); // does not wrap
  assert.equal(limitOf(table.gdtWords(1)), 0xb0000);
  assert.equal(table.tryGdt(1, descriptor(DATA & ~PAGES | DOWN, END - 0x2000, 0xfffff)), 0);
});

Deno.test("no accepted segment reaches the hypervisor, and a second check changes nothing", async () => {
  const { table } = await start();
  const kind = fc.constantFrom(DATA, CODE, DATA & ~PAGES, CODE & ~PAGES, DATA & ~0x200);
  fc.assert(
    fc.property(kind, fc.nat(0xffffffff), fc.nat(0xfffff), (high, base, limit) => {
      if (table.tryGdt(1, descriptor(high, base, limit)) !== 0) return;
      const [low, after] = table.gdtWords(1);
      const size = (limitOf([low, after]) + 1) * (after & PAGES ? 4096 : 1);
      assert.ok(base + size <= END);
      table.gdt(2, [low, after]);
      assert.deepEqual(table.gdtWords(2), [low, after]);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("DPL is raised to ring 1, in single writes and in pages [limits_2007.dpl]", async () => {
  const { rig, guest, table } = await start();
  table.gdt(1, descriptor(DATA & ~0x6000));
  assert.equal(table.gdtWords(1)[1] & 0x6000, 0x2000);
  const map = (flags: number) =>
    guest.call(14, guest.va(40), guest.mfns[40] << 12 | flags, guest.mfns[40] >>> 20, 2);
  const [low, high] = descriptor(CODE & ~0x6000);
  guest.write(guest.va(40, 8), low, high);
  assert.equal(map(0x21), 0);
  assert.equal(guest.call(2, guest.write(guest.va(30), guest.mfns[40]), 16), 0);
  assert.equal(guest.read(guest.va(40, 12)) & 0x6000, 0x2000);
  assert.equal(guest.read(guest.va(40, 8)) & 0xffff, 0x67ff);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("call gates stay usable by themselves, their target's RPL raised [limits_2007.dpl]", async () => {
  const { guest, table } = await start();
  const gate = (target: number, dpl: number): [number, number] => [
    target << 16 | spot(guest, 6) & 0xffff,
    (spot(guest, 6) & 0xffff0000 | 0x8c00 | dpl << 13) >>> 0,
  ];
  table.gdt(1, gate(0xe018, 3));
  const [low, high] = table.gdtWords(1);
  assert.equal(low >>> 16, KCS);
  assert.equal(high & 0x6000, 0x6000, "its own DPL stays");
  table.gdt(2, gate(KCS, 0));
  assert.equal(table.gdtWords(2)[1] & 0x6000, 0x2000);
  assert.equal(table.tryGdt(3, gate(0xe011, 3)), EINVAL);
  // through it from ring 3
  guest.call(HC.stackSwitch, KDS, guest.va(31));
  const user = { cs: UCS, ss: UDS, esp: 0x5678 };
  loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: 0 }, user, [0x9a, 0, 0, 0, 0, 8 | 3, 0]);
  const { eip, cs, ss, esp } = registers(guest);
  assert.deepEqual([cs, eip, ss, esp], [KCS, spot(guest, 6), KDS, guest.va(31) - 16]);
  assert.deepEqual(frame(guest, 4).slice(1), [UCS, 0x5678, UDS]);
  // and its DPL counts
  handlers(guest, [13, KCS, spot(guest, 0)]);
  loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: 0 }, user, [0x9a, 0, 0, 0, 0, 0x10 | 3, 0]);
  assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0x10]);
});

Deno.test("the flat selectors end with page 0xF67FF, and an access beyond is #GP [limits_2007.flat]", async () => {
  const { guest } = await start();
  guest.call(HC.stackSwitch, KDS, guest.va(31));
  handlers(guest, [13, KCS, spot(guest, 0)], [14, KCS, spot(guest, 1)]);
  const load = (address: number) => [0xa1, ...new Uint8Array(new Uint32Array([address]).buffer)];
  const kernel = { cs: KCS, ss: KDS, esp: guest.va(25) };
  const flat = { ds: KDS, es: KDS, fs: KDS, gs: KDS };
  loadSelectors(guest, flat, kernel, load(END));
  assert.equal(registers(guest).gsLimit >>> 0, END - 1);
  assert.equal(registers(guest).csLimit >>> 0, END - 1);
  assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0]);
  loadSelectors(guest, flat, kernel, load(END - 2)); // only half of it
  assert.equal(registers(guest).eip, spot(guest, 0));
  loadSelectors(guest, flat, kernel, load(0x1000)); // within: the tables decide
  assert.equal(registers(guest).eip, spot(guest, 1));
  const user = { cs: UCS, ss: UDS, esp: 0x5678 };
  loadSelectors(guest, { ds: UDS, es: UDS, fs: UDS, gs: UDS }, user, load(END));
  assert.equal(registers(guest).gsLimit >>> 0, END - 1);
  assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0]);
});
