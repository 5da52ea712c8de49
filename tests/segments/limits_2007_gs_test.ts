/** `--option xen32_limits`: accesses through GS that go over the end, and the assists that mend them (pv-abi §8.6). */
import assert from "node:assert/strict";
import { type Guest, SELF } from "../hypercalls/rig.ts";
import { imm } from "../traps/kernel.ts";
import { descriptor, loadSelectors, park, registers, spot } from "../traps/selectors.ts";
import {
  DATA,
  DOWN,
  END,
  frame,
  handlers,
  HC,
  KCS,
  KDS,
  limitOf,
  OPTION,
  start,
  UCS,
  UDS,
  USER_DATA,
} from "./limits_2007.ts";

const NEGATIVE = [0x65, 0xa1, 0xf8, 0xff, 0xff, 0xff]; // mov %gs:-8, %eax
const POSITIVE = [0x65, 0xa1, 8, 0, 0, 0];
const GS = 5 * 8 | 3;

/** How GS comes by its segment. */
interface Loaded {
  /** Its descriptor's kind, or all of its words. */
  kind?: number | [number, number];
  selector?: number;
  /** First page of an LDT of 8192 entries. */
  ldt?: number;
}

/** A guest whose GS is 4 GiB long from page 27 on, with numbers to either side, about to run `code` in user mode. */
async function thread(
  options: number,
  assists: number[],
  code: number[],
  { kind = USER_DATA, selector = GS, ldt }: Loaded = {},
) {
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
  const words = typeof kind === "number" ? descriptor(kind, guest.va(27)) : kind;
  for (const entry of [0, 5]) table.gdt(entry, words);
  table.ldt(5, words);
  if (ldt) guest.call(26, guest.write(guest.va(30), 13, guest.va(ldt), 8192), 1, 0, SELF);
  const user = { cs: UCS, ss: UDS, esp: 0x5678 };
  loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: selector }, user, code);
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
    ["the option is off", thread(0, [0, 1], NEGATIVE, { kind: 0x40f300 })],
    ["not through GS", thread(OPTION, [0], [0x64, ...NEGATIVE.slice(1)])],
    ["a limit in bytes", thread(OPTION, [0], NEGATIVE, { kind: 0x40f300 })],
    ["a 16-bit segment", thread(OPTION, [0], NEGATIVE, { kind: 0x80f300 })],
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

Deno.test("4gb_segments: a segment that does not mean to be 4 GiB long, or is not GS's, stays as it is [limits_2007.gs]", async () => {
  const through = (offset: number) => [0x65, 0xa1, ...imm(offset)];
  const down = USER_DATA | DOWN;
  const cases: [string, number[], [number, number], selector?: number][] = [
    ["a short one", NEGATIVE, descriptor(USER_DATA, 0x10000000, 0xf)],
    ["upwards of it", through(0x40000000), descriptor(USER_DATA, 0xc0000000)],
    ["one that grows down, below it", through(0x90000000), descriptor(down, 0x10000000, 0xeffff)],
    ["one that grows down from elsewhere", POSITIVE, descriptor(down, 0x10000000, 0x10)],
    ["none, whatever entry 0 is", NEGATIVE, descriptor(USER_DATA, 0x10000000), 3],
    ["Xen's", NEGATIVE, descriptor(USER_DATA, 0x10000000), UDS],
  ];
  for (const [what, code, words, selector] of cases) {
    const { guest, table } = await thread(OPTION, [0], code, { kind: words, selector });
    assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0], what);
    assert.deepEqual(table.gdtWords(5), table.gdtWords(0), what);
    loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: UDS });
    assert.equal(registers(guest).gsLimit >>> 0, END - 1, what);
  }
});

Deno.test("4gb_segments: nor one that another vCPU has made the kernel's meanwhile [limits_2007.gs]", async () => {
  const flag = 0xc001b010; // in page 27
  const wait = [0x80, 0x3d, ...imm(flag), 0, 0x74, 0xf7]; // until it is set
  const { guest, table } = await thread(OPTION, [0], [...wait, ...NEGATIVE]);
  assert.equal(guest.va(27, 0x10), flag);
  assert.equal(registers(guest).cpl, 3);
  const gdt = guest.rig.core.frame(guest.mfns[20]);
  gdt[5 * 8 + 5] &= ~0x40; // DPL 1
  const words = table.gdtWords(5);
  guest.write(flag, 1);
  guest.rig.inside.slice_end();
  for (let n = 0; n < 10; n++) guest.rig.core.exports.machine_run(0n, 100);
  guest.enter();
  assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0]);
  assert.deepEqual(table.gdtWords(5), words);
});

Deno.test("4gb_segments: the LDT's entries are the guest's, whatever their number [limits_2007.gs]", async () => {
  // the page of the rig's LDT as the fifteenth: its entry 5 is number 7173, as none of the guest's GDT is
  const selector = (14 * 512 + 5) << 3 | 7;
  const { guest } = await thread(OPTION, [0], NEGATIVE, { selector, ldt: 21 - 14 });
  assert.deepEqual([registers(guest).cpl, registers(guest).eax], [3, 0x11111111]);
});

Deno.test("4gb_segments: a #GP(0) of something else is told, whatever was mended before", async () => {
  const others: [string, number[]][] = [
    ["not in memory", [0x65, 0xf4]], // gs hlt
    ["not an instruction: too long", [...Array(15).fill(0x65), ...NEGATIVE.slice(1)]],
    ["through another segment", [0x65, 0x64, ...NEGATIVE.slice(1)]],
  ];
  const short = [0x67, 0x65, 0x8b, 0x47, 0xf8]; // mov %gs:-8(%bx), %eax
  for (const way of [0, DOWN]) { // as the segment lies
    const mended = [...NEGATIVE, ...POSITIVE, ...(way ? NEGATIVE : [])];
    if (way) others.push(["a 16-bit address, which is never below the base", short]);
    for (const [what, code] of others) {
      const { guest, table } = await thread(OPTION, [0], [...mended, ...code]);
      assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 0], what);
      assert.equal(registers(guest).eax, way ? 0x11111111 : 0x22222222);
      const eip = frame(guest, 2)[1];
      const at = guest.rig.core.frame(guest.mfns[22]).subarray(eip & 0xfff);
      assert.deepEqual([...at.subarray(0, code.length)], code, `${what}: at the instruction`);
      assert.equal(table.gdtWords(5)[1] & DOWN, way, `${what}: the segment stays as it is`);
    }
  }
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
