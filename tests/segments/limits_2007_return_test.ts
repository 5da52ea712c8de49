/** `--option xen32_limits`: the way back to the guest as the old Xen had it (pv-abi §4.7, §4.8). */
import assert from "node:assert/strict";
import type { Guest } from "../hypercalls/rig.ts";
import { pendEvent } from "../traps/kernel.ts";
import { descriptor, loadSelectors, park, registers, run, spot } from "../traps/selectors.ts";
import { CODE, DATA, frame, handlers, HC, KCS, KDS, PRESENT, start, turn } from "./limits_2007.ts";

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

Deno.test("whichever of the four does not load [limits_2007.failsafe]", async () => {
  for (const [n, bad] of ["ds", "es", "fs", "gs"].entries()) {
    const { guest, table } = await failing();
    table.gdt(5, descriptor(DATA));
    loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: 0, [bad]: 5 * 8 | 1 });
    table.gdt(5, descriptor(DATA & ~PRESENT));
    run(guest, HYPERCALL);
    assert.equal(registers(guest).eip, failsafe(guest), bad);
    assert.deepEqual(frame(guest, 4), [KDS, KDS, 0, 0].with(n, 5 * 8 | 1));
  }
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
