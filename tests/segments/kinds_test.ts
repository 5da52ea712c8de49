/** Each kind of descriptor, by update_descriptor and in a page that becomes a GDT (golden desc.*; pv-abi §8.3). */
import assert from "node:assert/strict";
import { Rig } from "../hypercalls/rig.ts";
import { park, registers, run, spot, tables } from "../traps/selectors.ts";

const EFAULT = -14, EINVAL = -22;
const HC = { trapTable: 0, setGdt: 2, updateDescriptor: 10, updateVa: 14 };
const P = 0x8000, S = 0x1000, G = 0x800000, BIG = 0x400000, LONG = 0x200000;
const dpl = (ring: number) => ring << 13;

type Words = [low: number, high: number];

async function start() {
  const guest = (await Rig.create(1)).addGuest();
  park(guest.enter());
  return { guest, table: tables(guest) };
}

const hex = ([low, high]: Words) => `${(low >>> 0).toString(16)}:${(high >>> 0).toString(16)}`;

/** @param expected what becomes of it, or null where it is refused */
function kindTest(name: string, kinds: Words[], expected: (words: Words) => Words | null): void {
  Deno.test(name, async () => {
    const { guest, table } = await start();
    const page = 40;
    for (const words of kinds) {
      const want = expected(words);
      // one entry of the table that is in use
      table.gdt(5, [0, 0]);
      assert.equal(table.tryGdt(5, words), want ? 0 : EINVAL, hex(words));
      assert.equal(hex(table.gdtWords(5)), hex(want ?? [0, 0]));
      // the last entry of a page that is to be a table, far beyond the entries asked for
      assert.equal(
        guest.call(
          HC.updateVa,
          guest.va(page),
          guest.mfns[page] << 12 | 0x63,
          guest.mfns[page] >>> 20,
          2,
        ),
        0,
      );
      guest.write(guest.va(page, 4088), ...words);
      assert.equal(
        guest.call(
          HC.updateVa,
          guest.va(page),
          guest.mfns[page] << 12 | 0x61,
          guest.mfns[page] >>> 20,
          2,
        ),
        0,
      );
      const list = guest.write(guest.va(30), guest.mfns[page]);
      assert.equal(guest.call(HC.setGdt, list, 1), want ? 0 : EINVAL, hex(words));
      assert.equal(
        hex([guest.read(guest.va(page, 4088)), guest.read(guest.va(page, 4092))]),
        hex(want ?? words),
      );
      assert.equal(guest.call(HC.setGdt, guest.write(guest.va(30), guest.mfns[20]), 16), 0);
      assert.equal(guest.rig.inside.audit(guest.domid), 0);
    }
  });
}

const refused = () => null;
const same = (words: Words) => words;
/** DPL 0 becomes 1. */
const raised = ([low, high]: Words): Words => [low, high & dpl(3) ? high : high | dpl(1)];
const rings = (low: number, high: number): Words[] => [0, 1, 2, 3].map((r) => [low, high | dpl(r)]);
const types = (...list: number[]): Words[] => list.flatMap((t) => rings(0x1234_0067, t << 8 | P));

kindTest("not present: anything at all [descriptor.not_present]", [
  [0xffffffff, 0xffff7fff],
  [0x12345678, 0x00000900],
  [0, 0x00cf1300 | LONG],
], same);
kindTest(
  "type 0, present or not [descriptor.null]",
  [[0, 0], [0xffff, P], [0x1234, P | dpl(3)]],
  same,
);
kindTest("code of any ring, 16 and 32 bits, raised to ring 1 [descriptor.code]", [
  ...[8, 9, 10, 11].flatMap((t) => rings(0x1000_ffff, t << 8 | P | S | BIG)),
  ...rings(0x1000_ffff, 0xa00 | P | S),
], raised);
kindTest(
  "conforming code too [descriptor.conforming]",
  [12, 13, 14, 15].flatMap((t) => rings(0x1000_ffff, t << 8 | P | S | BIG)),
  raised,
);
kindTest("data of any ring, raised to ring 1 [descriptor.data] [descriptor.expand_down]", [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((t) => rings(0x1000_ffff, t << 8 | P | S | BIG | G)),
], raised);
kindTest("64-bit code, and L with data [descriptor.long]", [
  ...rings(0xffff, 0xaf9b00),
  ...rings(0xffff, 0xefab00 | P | S),
  ...rings(0xffff, 0x009300 | LONG),
], refused);
kindTest(
  "a flat segment that reaches the hypervisor gets all 4 GiB, others what they ask for [descriptor.limits]",
  [
    [0x57ff, 0xcf9300 & ~0xf0000 | 0xf0000], // ends with page 0xF57FF
    [0x5800, 0xcf9300],
    [0xfffe, 0xcf9300],
    [0x5800, 0xcff300],
    [0x1000_5800, 0xcf9300], // with a base: as it is
    [0xffff, 0x4f9300], // in bytes
  ],
  ([low, high]) => {
    const flat = !(low >>> 16) && (high & G) && (low & 0xffff) > 0x57ff;
    return raised(flat ? [low | 0xffff, high | 0xf0000] : [low, high]);
  },
);
kindTest(
  "a TSS, of 16 or 32 bits, available or busy, is refused [descriptor.tss]",
  types(1, 3, 9, 11),
  refused,
);
kindTest("an LDT is refused [descriptor.ldt]", types(2), refused);
kindTest("a 16-bit call gate is refused [descriptor.call_gate16]", types(4), refused);
kindTest("a task gate is refused [descriptor.task_gate]", types(5), refused);
kindTest("interrupt gates are refused [descriptor.interrupt_gate]", types(6, 14), refused);
kindTest("trap gates are refused [descriptor.trap_gate]", types(7, 15), refused);
kindTest("the types 8, 10 and 13 are refused [descriptor.reserved]", types(8, 10, 13), refused);
kindTest(
  "a call gate to the kernel's code, the GDT or the LDT: its DPL moves to the selector's RPL [descriptor.call_gate]",
  [0xe019, 0x0008, 0x0060, 0x000f, 0xdff8].flatMap((to) =>
    rings(to << 16 | 0x5678, 0x12340c00 | P | 3)
  ),
  ([low, high]) => [low & ~0x30000 | (Math.max(1, high >> 13 & 3)) << 16, high & ~dpl(3)],
);
kindTest(
  "a call gate to any other selector of the hypervisor's, or with reserved bits [descriptor.call_gate]",
  [
    ...[0xe018, 0xe021, 0xe02b, 0xe033, 0xe008, 0xe060, 0xe000].map((
      to,
    ): Words => [to << 16, 0xc00 | P | dpl(3)]),
    ...[0x20, 0x40, 0x80].map((bit): Words => [0xe019 << 16, 0xc00 | P | dpl(3) | bit]),
  ],
  refused,
);

Deno.test("an entry that is changed while it is loaded counts from the next load on [descriptor.gdt_live]", async () => {
  const { guest, table } = await start();
  const byte = (
    base: number,
  ): Words => [(base & 0xffff) << 16 | 0xffff, 0xcf9300 | base >>> 16 & 0xff | base & 0xff000000];
  guest.write(guest.va(50), 0x11);
  guest.write(guest.va(51), 0x22);
  table.gdt(5, byte(guest.va(50)));
  // mov ax,0x29; mov es,ax; mov ecx,es:[0]
  const load = [0x66, 0xb8, 0x29, 0, 0x8e, 0xc0], read = [0x26, 0x8b, 0x0d, 0, 0, 0, 0];
  run(guest, [...load, ...read, 0x89, 0x0d, ...le(guest.va(52))]);
  assert.equal(guest.read(guest.va(52)), 0x11);
  table.gdt(5, byte(guest.va(51)));
  run(guest, [...read, 0x89, 0x0d, ...le(guest.va(52))]);
  assert.equal(guest.read(guest.va(52)), 0x11, "what is loaded stays");
  run(guest, [...load, ...read, 0x89, 0x0d, ...le(guest.va(52))]);
  assert.equal(guest.read(guest.va(52)), 0x22);
});

const le = (n: number) => [n, n >>> 8, n >>> 16, n >>> 24].map((b) => b & 0xff);

Deno.test("set_gdt: lengths, frames and lists; the old table stays after an error [set_gdt] [errno.EINVAL] [errno.EFAULT]", async () => {
  const { guest, table } = await start();
  table.gdt(5, [0xffff, 0xcf9300]);
  const set = (entries: number, ...frames: number[]) =>
    guest.call(HC.setGdt, guest.write(guest.va(30), ...frames), entries);
  const good = guest.mfns[20];
  const bad = [0, 0xffffffff, guest.mfns[50], guest.mfns[0], guest.mfns[2], 0x100000];
  for (const frame of bad) {
    assert.equal(set(1, frame), EINVAL, frame.toString(16));
    assert.equal(set(513, good, frame), EINVAL, "the second");
  }
  for (const entries of [7169, 0xffffffff]) assert.equal(set(entries, good), EINVAL);
  for (const pointer of [0x400000, 0xf5800000, 0xffffffff]) {
    assert.equal(guest.call(HC.setGdt, pointer, 1), EFAULT);
  }
  guest.call(HC.trapTable, guest.write(guest.va(31), 13 | 0xe019 << 16, spot(guest, 1), 0, 0));
  const load = [0x66, 0xb8, 0x29, 0, 0x8e, 0xc0];
  run(guest, load);
  assert.equal(registers(guest).es, 0x29);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
  assert.equal(set(0), 0);
  run(guest, [0x31, 0xc0, 0x8e, 0xc0, ...load]);
  assert.equal(registers(guest).eip, spot(guest, 1), "no table, no selector");
  assert.equal(set(7168, ...Array(14).fill(good)), 0);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("update_descriptor: alignment, frames, and what they are in use as [update_descriptor] [errno.EINVAL]", async () => {
  const { guest, table } = await start();
  const update = (address: number, low = 0xffff, high = 0xcf9300) =>
    guest.call(HC.updateDescriptor, address | 0, Math.floor(address / 2 ** 32), low, high);
  const at = (page: number, offset = 0) => guest.mfns[page] * 4096 + offset;
  for (const offset of [1, 2, 4, 7]) assert.equal(update(at(20, 40 + offset)), EINVAL);
  for (const table of [0, 1, 2]) assert.equal(update(at(table, 8)), EINVAL, "a page table");
  for (const mfn of [0, 512, 0x100000]) assert.equal(update(mfn * 4096), EINVAL);
  assert.equal(update(at(20, 40), 0xffff, 0x8900), EINVAL, "no descriptor that may be");
  assert.equal(hex(table.gdtWords(5)), "0:0");
  assert.equal(update(at(20, 40)), 0);
  assert.equal(hex(table.gdtWords(5)), "ffff:cfb300");
  // a plain page takes one too, before it is a table
  assert.equal(update(at(50, 4088)), 0);
  assert.equal(guest.read(guest.va(50, 4092)), 0xcfb300);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});
