/** `--option xen32_limits`: accesses through GS that go over the end, and the assists that mend them (pv-abi §8.6). */
import assert from "node:assert/strict";
import type { Guest } from "../hypercalls/rig.ts";
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
