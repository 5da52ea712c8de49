/**
 * `--option xen32_limits`, sentence by sentence (pv-abi §8.6, and what §4.7, §4.8 and §8.1 say of the
 * old Xen).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { pendEvent } from "../traps/kernel.ts";
import {
  descriptor,
  loadSelectors,
  park,
  registers,
  run,
  spot,
  tables,
} from "../traps/selectors.ts";

const OPTION = 4;
const EINVAL = -22;
const END = 0xf6800000;
const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
const DATA = 0xcfb300, CODE = 0xcfbb00, USER_DATA = 0xcff300;
const DOWN = 0x400, PRESENT = 0x8000, PAGES = 0x800000;
const HC = { trapTable: 0, stackSwitch: 3, callbacks: 4, sched: 29, assist: 21 };

async function start(options = OPTION) {
  const rig = await Rig.create();
  const guest = rig.addGuest({ options });
  park(guest.enter());
  return { rig, guest, table: tables(guest) };
}

function turn(rig: Rig): void {
  rig.inside.slice_end();
  rig.inside.slice_begin(1n << 62n, 1000);
}

const handlers = (guest: Guest, ...list: [vector: number, cs: number, address: number][]) =>
  guest.call(
    HC.trapTable,
    guest.write(
      guest.va(30),
      ...list.flatMap(([vector, cs, address]) => [vector | cs << 16, address]),
      0,
      0,
    ),
  );

const frame = (guest: Guest, words: number) => {
  const { esp } = registers(guest);
  return Array.from({ length: words }, (_, n) => guest.read(esp + n * 4) >>> 0);
};

const limitOf = ([low, high]: [number, number]) => ((low & 0xffff) | (high & 0xf0000)) >>> 0;

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

// ---- 4gb_segments -------------------------------------------------------------------------------

const NEGATIVE = [0x65, 0xa1, 0xf8, 0xff, 0xff, 0xff]; // mov %gs:-8, %eax
const POSITIVE = [0x65, 0xa1, 8, 0, 0, 0];
const GS = 5 * 8 | 3;

/** A guest whose GS is 4 GiB long from page 27 on, with numbers to either side, about to run `code` in user mode. */
async function thread(options: number, assists: number[], code: number[], kind = USER_DATA) {
  const { guest, rig, table } = await start(options);
  for (const type of assists) assert.equal(guest.call(HC.assist, 0, type), 0);
  guest.call(HC.stackSwitch, KDS, guest.va(31));
  handlers(guest, [13, KCS, spot(guest, 0)], [14, KCS, spot(guest, 1)], [15, KCS, spot(guest, 2)]);
  for (const page of [26, 27]) {
    const entry = guest.mfns[page] << 12 | 0x67;
    assert.equal(guest.call(14, guest.va(page), entry, guest.mfns[page] >>> 20, 2), 0);
  }
  guest.write(guest.va(26, 0xff8), 0x11111111);
  guest.write(guest.va(27, 8), 0x22222222);
  table.gdt(5, descriptor(kind, guest.va(27)));
  const user = { cs: UCS, ss: UDS, esp: 0x5678 };
  loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: GS }, user, code);
  return { guest, rig, table };
}

Deno.test("4gb_segments: an offset on the other side turns the segment, and the access is tried again [limits_2007.gs] [vm_assist.4gb_segments]", async () => {
  const { guest, rig, table } = await thread(OPTION, [0], NEGATIVE);
  assert.equal(registers(guest).eax, 0x11111111);
  assert.equal(registers(guest).cpl, 3);
  const [low, high] = table.gdtWords(5);
  assert.equal(high & DOWN, DOWN);
  assert.equal(limitOf([low, high]), ((2 ** 32 - guest.va(27)) / 4096) - 1);
  assert.equal(rig.inside.audit(guest.domid), 0);
  // and back
  const again = await thread(OPTION, [0], [...NEGATIVE, ...POSITIVE, ...NEGATIVE, ...POSITIVE]);
  assert.equal(registers(again.guest).eax, 0x22222222);
  assert.equal(again.table.gdtWords(5)[1] & DOWN, 0);
  assert.equal(limitOf(again.table.gdtWords(5)), ((END - again.guest.va(27)) >>> 12) - 1);
});

Deno.test("4gb_segments: base, index and displacement make the offset", async () => {
  const minus = [0xb9, 0xfc, 0xff, 0xff, 0xff]; // mov $-4, %ecx
  const indexed = [0x65, 0x8b, 0x44, 0x49, 0x04]; // mov %gs:4(%ecx, %ecx, 2), %eax
  const { guest } = await thread(OPTION, [0], [...minus, ...indexed]);
  assert.equal(registers(guest).eax, 0x11111111);
});

Deno.test("4gb_segments: what it does not mend is #GP(0) as ever", async () => {
  const cases: [string, Promise<{ guest: Guest }>][] = [
    ["the assist is off", thread(OPTION, [1], NEGATIVE)],
    ["the option is off", thread(0, [0, 1], [0x65, 0xa1, 0xf8, 0xff, 0xff, 0xff], 0x40f300)],
    ["not through GS", thread(OPTION, [0], [0x64, ...NEGATIVE.slice(1)])],
    ["a limit in bytes", thread(OPTION, [0], NEGATIVE, 0x40f300)],
    ["a 16-bit segment", thread(OPTION, [0], NEGATIVE, 0x80f300)],
  ];
  for (const [what, made] of cases) {
    const { guest } = await made;
    assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0], what);
  }
  // a kernel's access
  const { guest, table } = await start();
  guest.call(HC.assist, 0, 0);
  handlers(guest, [13, KCS, spot(guest, 0)]);
  table.gdt(5, descriptor(USER_DATA, guest.va(27)));
  const kernel = { cs: KCS, ss: KDS, esp: guest.va(25) };
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: GS }, kernel, NEGATIVE);
  assert.equal(registers(guest).eip, spot(guest, 0));
});

Deno.test("4gb_segments_notify: vector 15 with the instruction's length, before it runs again [limits_2007.notify] [vm_assist.4gb_segments_notify]", async () => {
  const { guest } = await thread(OPTION, [0, 1], NEGATIVE);
  assert.equal(registers(guest).eip, spot(guest, 2));
  const [error, eip, cs, , esp, ss] = frame(guest, 6);
  assert.deepEqual([error, cs & 0xffff, esp, ss], [NEGATIVE.length, UCS, 0x5678, UDS]);
  assert.equal(guest.rig.core.frame(guest.mfns[22])[eip & 0xfff], 0x65, "at the instruction");
  park(guest, [0x83, 0xc4, 4, 0xcf]); // drop the error code and go back
  guest.rig.core.frame(guest.mfns[22]).set([...NEGATIVE, 0xeb, 0xfe], eip & 0xfff);
  guest.rig.inside.slice_end();
  guest.rig.core.exports.machine_run(0n, 20);
  guest.enter();
  assert.deepEqual([registers(guest).cpl, registers(guest).eax], [3, 0x11111111]);
});

Deno.test("none of it without the option", async () => {
  const { guest, table } = await start(0);
  assert.deepEqual([guest.call(HC.assist, 0, 0), guest.call(HC.assist, 0, 1)], [0, 0]);
  table.gdt(1, descriptor(DATA, END - 4096, 0));
  table.gdt(1, descriptor(DATA, 0));
  assert.equal(limitOf(table.gdtWords(1)), 0xfffff);
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: KDS });
  assert.equal(registers(guest).gsLimit, 0xffffffff);
});

// ---- the way back to the guest --------------------------------------------------------------------

const failsafe = (guest: Guest) => spot(guest, 3);

/** A guest with its failsafe callback at a code selector of its own. */
async function failing() {
  const made = await start();
  const { guest, table } = made;
  table.gdt(6, descriptor(CODE));
  assert.equal(guest.call(HC.callbacks, KCS, 0x1230000, 6 * 8, failsafe(guest)), 0);
  handlers(guest, [13, KCS, spot(guest, 4)], [11, KCS, spot(guest, 5)]);
  return made;
}

/** int 0x82: xen_version(0). */
const HYPERCALL = [0xb8, 17, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x82];

Deno.test("every return loads the selectors again; a failure goes to the registered CS:EIP, all four null [limits_2007.failsafe]", async () => {
  const { rig, guest, table } = await failing();
  table.gdt(5, descriptor(DATA));
  table.ldt(3, descriptor(DATA));
  const fs = 5 * 8 | 1, gs = 3 * 8 | 4 | 1;
  loadSelectors(guest, { ds: KDS, es: KDS, fs, gs });
  table.gdt(5, descriptor(DATA & ~PRESENT));
  run(guest, HYPERCALL); // no yield, nobody else
  const s = registers(guest);
  assert.deepEqual([s.cs, s.eip, s.cpl], [6 * 8 | 1, failsafe(guest), 1]);
  assert.deepEqual([s.ds, s.es, s.fs, s.gs], [0, 0, 0, 0]);
  assert.deepEqual(frame(guest, 4), [KDS, KDS, fs, gs]);
  assert.equal(frame(guest, 6)[5] & 0xffff, KCS);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("an LDT page that was let go is found again, and nobody hears of it", async () => {
  const { guest, table } = await failing();
  table.ldt(3, descriptor(DATA, 0x1000));
  const gs = 3 * 8 | 4 | 1;
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs });
  guest.call(26, guest.write(guest.va(30), 5, guest.mfns[0], 0), 1, 0, 0x7ff0); // CR3 again
  run(guest, HYPERCALL);
  assert.equal(registers(guest).gs, gs);
  assert.notEqual(registers(guest).eip, failsafe(guest));
});

Deno.test("an LDT page that is not to be found any more takes the selector with it, to failsafe [limits_2007.failsafe]", async () => {
  const { guest, table } = await failing();
  table.ldt(3, descriptor(DATA, 0x1000));
  const gs = 3 * 8 | 4 | 1;
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs });
  table.dropLdt();
  run(guest, HYPERCALL);
  const { eip, ds, es, fs, gs: now } = registers(guest);
  assert.deepEqual([eip, ds, es, fs, now], [failsafe(guest), 0, 0, 0, 0]);
  assert.deepEqual(frame(guest, 4), [KDS, KDS, 0, gs]);
});

Deno.test("an event goes before what does not load: failsafe interrupts its handler, and says so [limits_2007.failsafe] [trap.order]", async () => {
  const { guest, table } = await failing();
  table.gdt(5, descriptor(DATA));
  guest.call(HC.callbacks, KCS, spot(guest, 7), 6 * 8, failsafe(guest));
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 5 * 8 | 1, gs: 0 });
  const { eip } = registers(guest);
  table.gdt(5, descriptor(DATA & ~PRESENT));
  pendEvent(guest);
  guest.setSharedByte(1, 0);
  rigRuns(guest);
  assert.equal(registers(guest).eip, failsafe(guest));
  const words = frame(guest, 10);
  assert.deepEqual(words.slice(0, 6), [KDS, KDS, 5 * 8 | 1, 0, spot(guest, 7), KCS | 1 << 16]);
  assert.equal(words[7], eip);
});

function rigRuns(guest: Guest): void {
  guest.rig.inside.slice_end();
  for (let n = 0; n < 10; n++) guest.rig.core.exports.machine_run(0n, 100);
  guest.enter();
}

Deno.test("a bad IRET arrives there as well, with the target as what was interrupted [limits_2007.bad_iret]", async () => {
  const { guest } = await failing();
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: 0 });
  // the iret hypercall's frame: EAX EIP CS EFLAGS
  const push = (value: number) => [
    0x68,
    value & 0xff,
    value >>> 8 & 0xff,
    value >>> 16 & 0xff,
    value >>> 24,
  ];
  const code = [
    ...[0x202, KDS, 0x7777, 0x8888].flatMap(push), // a data segment for CS
    0xb8,
    23,
    0,
    0,
    0,
    0xcd,
    0x82,
  ];
  run(guest, code);
  const s = registers(guest);
  assert.deepEqual([s.cs, s.eip], [6 * 8 | 1, failsafe(guest)]);
  assert.deepEqual(frame(guest, 6).slice(0, 4), [KDS, KDS, 0, 0]);
  assert.deepEqual([frame(guest, 6)[4], frame(guest, 6)[5] & 0xffff], [0x7777, KDS]);
  assert.deepEqual([s.ds, s.es], [0, 0]);
});

Deno.test("a trap handler's bad CS too; a failsafe CS that is bad itself ends the domain", async () => {
  const { guest } = await failing();
  handlers(guest, [6, KDS, 0x3333]);
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: 0 });
  run(guest, [0x0f, 0x0b]);
  assert.equal(registers(guest).eip, failsafe(guest));
  assert.equal(frame(guest, 5)[4], 0x3333);

  guest.call(HC.callbacks, KCS, 0x1230000, KDS, failsafe(guest));
  handlers(guest, [6, KDS, 0x3333]);
  park(guest, [0x0f, 0x0b]);
  guest.rig.inside.slice_end();
  guest.rig.core.exports.machine_run(0n, 20);
  assert.deepEqual([guest.state, guest.code], [2, 3]);
});

Deno.test("put back on after a yield it is the same way", async () => {
  const { rig, guest, table } = await failing();
  table.gdt(5, descriptor(DATA));
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 5 * 8 | 1, gs: 0 });
  table.gdt(5, descriptor(DATA & ~PRESENT));
  guest.call(HC.sched, 0);
  turn(rig);
  assert.deepEqual([registers(guest).cs, registers(guest).eip], [6 * 8 | 1, failsafe(guest)]);
});

Deno.test("VM86 stays out: iret with VM set is answered by #GP(0) as on 64-bit Xen [limits_2007.vm86] [trap.vm86]", async () => {
  const { guest } = await failing();
  guest.call(HC.stackSwitch, KDS, guest.va(31));
  const words = [0, 0x100, 0x2000, 0x20202, 0x7ff0, 0, 0, 0, 0, 0];
  const push = words.reverse().flatMap((w) => [0x68, w & 0xff, w >>> 8 & 0xff, w >>> 16, 0]);
  run(guest, [...push, 0xb8, 23, 0, 0, 0, 0xcd, 0x82]);
  const s = registers(guest);
  assert.deepEqual([s.cs, s.eip, s.esp], [KCS, spot(guest, 4), guest.va(31) - 40]);
  assert.equal(frame(guest, 4)[3] & 0x20000, 0x20000);
});
