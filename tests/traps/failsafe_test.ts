/** The failsafe callback: data segments that no longer load when a vCPU is put back on. */
import assert from "node:assert/strict";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { pendEvent } from "./kernel.ts";
import { descriptor, loadSelectors, park, registers, spot, tables } from "./selectors.ts";

const FAILSAFE = 0x1234000;
const YIELD = 0, BLOCK = 1;
const HC = {
  trapTable: 0,
  stackSwitch: 3,
  setCallbacks: 4,
  setTimer: 15,
  sched: 29,
  callbackOp: 30,
};
const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
const DATA = 0xcfb300; // ring 1
const USER_DATA = 0xcff300;

/** Ends the running vCPU's slice and lets the scheduler choose again. */
function turn(rig: Rig): void {
  rig.endSlice(1000);
  rig.inside.slice_begin(1n << 62n, 1000);
}

async function start({ guests = 1 } = {}) {
  const rig = await Rig.create(2);
  const guest = rig.addGuest();
  const other = guests > 1 ? rig.addGuest() : guest;
  for (const each of [other, guest]) park(each.enter());
  const table = tables(guest);
  assert.equal(guest.call(HC.setCallbacks, KCS, 0x1230000, 0x67, FAILSAFE), 0);
  return { rig, guest, other, table };
}

function frame(guest: Guest, words: number): number[] {
  const { esp } = registers(guest);
  return Array.from({ length: words }, (_, n) => guest.read(esp + n * 4) >>> 0);
}

/** A GDT entry in FS and an LDT entry in GS. */
const FS = 5 * 8 | 1, GS = 3 * 8 | 4 | 1;

for (const where of ["GDT", "LDT"] as const) {
  Deno.test(`a selector of the ${where} whose entry went is zeroed after a yield, and told [trap.failsafe]`, async () => {
    const { guest, rig, table } = await start();
    table.gdt(5, descriptor(DATA, 0x1000));
    table.ldt(3, descriptor(DATA, 0x2000));
    loadSelectors(guest, { ds: KDS, es: KDS, fs: FS, gs: GS });
    const before = registers(guest);
    assert.deepEqual([before.fs, before.gs], [FS, GS]);
    guest.setSharedByte(1, 0xff);
    guest.setSharedByte(2, 0xff); // not part of the frame
    if (where === "GDT") table.gdt(5, descriptor(DATA & ~0x8000));
    else table.ldt(3, descriptor(DATA & ~0x8000));
    turn(rig);
    assert.equal(registers(guest).eip, before.eip, "nobody else ran: nothing is loaded again");
    assert.equal(guest.call(HC.sched, YIELD), 0);
    turn(rig);
    const after = registers(guest);
    assert.deepEqual(frame(guest, 7), [
      KDS,
      KDS,
      FS,
      GS,
      before.eip,
      KCS | 0xff0000,
      before.flags & ~0x200, // masked: IF is off in the frame
    ]);
    assert.equal(after.esp, before.esp - 28);
    assert.deepEqual(
      [after.cs, after.eip, after.ss, after.cpl],
      [KCS, FAILSAFE, KDS, 1],
      "Xen's own code selector, whatever was registered",
    );
    assert.deepEqual([after.ds, after.es], [KDS, KDS]);
    assert.deepEqual([after.fs, after.gs], where === "GDT" ? [0, GS] : [FS, 0]);
    assert.equal(guest.sharedByte(1), 0xff);
    assert.equal(rig.inside.audit(guest.domid), 0);
  });
}

Deno.test("after a block, and after another domain ran; never while the tables stand", async () => {
  const { guest, other, table } = await start({ guests: 2 });
  table.gdt(5, descriptor(DATA, 0x1000));
  loadSelectors(guest, { ds: KDS, es: KDS, fs: FS, gs: 0 });
  const { eip } = registers(guest);
  other.enter();
  guest.enter();
  assert.equal(registers(guest).eip, eip);
  // a changed base is simply taken over
  table.gdt(5, descriptor(DATA, 0x7000));
  assert.equal(registers(guest).fsBase, 0x1000);
  other.enter();
  guest.enter();
  assert.equal(registers(guest).eip, eip);
  assert.equal(registers(guest).fsBase, 0x7000);
  // and after a block
  table.gdt(5, descriptor(0xcf9b00 & ~0x200 | 0x2000)); // code that may not be read
  guest.call(HC.setTimer, 1, 0);
  other.enter().call(HC.sched, BLOCK);
  guest.enter();
  assert.equal(registers(guest).eip, FAILSAFE);
  assert.equal(registers(guest).fs, 0);
});

Deno.test("a vCPU that blocks and comes back alone", async () => {
  const { guest, rig, table } = await start();
  table.gdt(5, descriptor(DATA, 0x1000));
  loadSelectors(guest, { ds: FS, es: FS, fs: KDS, gs: 0 });
  table.gdt(5, descriptor(DATA & ~0x8000));
  const poll = guest.write(guest.va(30), 0, 0);
  guest.write64(guest.va(30, 8), rig.now + 1000n);
  assert.equal(guest.call(HC.sched, 3, poll), 0);
  turn(rig);
  assert.deepEqual(frame(guest, 4), [FS, FS, KDS, 0]);
  const after = registers(guest);
  assert.deepEqual([after.ds, after.es, after.fs, after.gs], [0, 0, KDS, 0]);
});

Deno.test("from user mode the frame goes to kernel_sp, as a linear address, with ESP and SS", async () => {
  const { guest, rig, table } = await start();
  table.gdt(5, descriptor(USER_DATA));
  table.gdt(6, descriptor(DATA, 0x5000));
  const top = guest.va(31);
  guest.call(HC.stackSwitch, 6 * 8 | 1, top);
  const user = { cs: UCS, ss: UDS, esp: 0x5678 };
  loadSelectors(guest, { ds: UDS, es: UDS, fs: FS | 3, gs: 0 }, user);
  const before = registers(guest);
  assert.equal(before.cpl, 3);
  guest.setSharedByte(1, 0);
  table.gdt(5, descriptor(DATA)); // ring 1's now: not for RPL 3
  guest.call(HC.sched, YIELD);
  turn(rig);
  assert.equal(registers(guest).esp, top - 36);
  assert.deepEqual(frame(guest, 9), [
    UDS,
    UDS,
    FS | 3,
    0,
    before.eip,
    UCS,
    before.flags | 0x200,
    0x5678,
    UDS,
  ]);
  assert.equal(registers(guest).cpl, 1);
  assert.equal(guest.sharedByte(1), 0, "set_callbacks registers it without masking");
});

Deno.test("registered with the mask flag it masks events [callback_op.failsafe]", async () => {
  const { guest, rig, table } = await start();
  const arg = guest.write(guest.va(30), 1 | 1 << 16, KCS, FAILSAFE);
  assert.equal(guest.call(HC.callbackOp, 0, arg), 0);
  table.gdt(5, descriptor(DATA));
  loadSelectors(guest, { ds: KDS, es: KDS, fs: FS, gs: 0 });
  guest.setSharedByte(1, 0);
  table.gdt(5, descriptor(DATA & ~0x8000));
  guest.call(HC.sched, YIELD);
  turn(rig);
  assert.equal(registers(guest).eip, FAILSAFE);
  assert.equal(frame(guest, 6)[5], KCS);
  assert.equal(guest.sharedByte(1), 1);
});

Deno.test("an LDT whose page is gone from the tables takes its selectors with it", async () => {
  const { guest, rig, table } = await start();
  table.ldt(3, descriptor(DATA));
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: GS });
  table.dropLdt();
  guest.call(HC.sched, YIELD);
  turn(rig);
  assert.deepEqual([registers(guest).eip, registers(guest).gs], [FAILSAFE, 0]);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("no callback registered: Xen's own code selector at address 0, where the guest faults [trap.failsafe] [trap.#PF]", async () => {
  const { guest, rig, table } = await start();
  assert.equal(guest.call(HC.setCallbacks, KCS, 0x1230000, 0, 0), 0);
  guest.call(HC.trapTable, guest.write(guest.va(30), 14 | KCS << 16, spot(guest, 1), 0, 0));
  table.gdt(5, descriptor(DATA));
  loadSelectors(guest, { ds: KDS, es: KDS, fs: FS, gs: 0 });
  table.gdt(5, descriptor(DATA & ~0x8000));
  guest.call(HC.sched, YIELD);
  rigRuns(guest);
  assert.equal(rig.inside.audit(guest.domid), 0);
  assert.deepEqual([registers(guest).eip, frame(guest, 3)[1]], [spot(guest, 1), 0]);
  assert.equal(frame(guest, 3)[2] & 0xffff, KCS);
  assert.equal(guest.shared(8), 0, "CR2");
});

Deno.test("an event upon the failsafe's frame, unless that was registered with the mask flag [trap.failsafe] [trap.order]", async () => {
  for (const flag of [0, 1]) {
    const { guest, table } = await start();
    guest.call(HC.setCallbacks, KCS, spot(guest, 2), KCS, 0);
    const arg = guest.write(guest.va(30), 1 | flag << 16, KCS, spot(guest, 3));
    assert.equal(guest.call(HC.callbackOp, 0, arg), 0);
    table.gdt(5, descriptor(DATA));
    loadSelectors(guest, { ds: KDS, es: KDS, fs: FS, gs: 0 });
    table.gdt(5, descriptor(DATA & ~0x8000));
    pendEvent(guest);
    guest.call(HC.sched, YIELD);
    guest.setSharedByte(1, 0);
    rigRuns(guest);
    assert.equal(registers(guest).eip, spot(guest, flag ? 3 : 2));
    const words = frame(guest, 10);
    const told = flag ? words : words.slice(3);
    if (!flag) assert.deepEqual(words.slice(0, 2), [spot(guest, 3), KCS]);
    assert.deepEqual(told.slice(0, 4), [KDS, KDS, FS, 0]);
    assert.equal(registers(guest).fs, 0);
  }
});

function rigRuns(guest: Guest): void {
  guest.rig.inside.slice_end();
  for (let n = 0; n < 10; n++) guest.rig.core.exports.machine_run(0n, 100);
  guest.enter();
}

// The second half of XSA-215: the frame's address is the guest's choice.
for (const esp of [0x1000, 8, 0, 0xf5800100, 0xffe00000, 0xffffffff]) {
  Deno.test(`a failsafe frame that cannot be written at ${esp.toString(16)} ends that domain alone [xsa.215] [trap.failsafe]`, async () => {
    const { guest, other, rig, table } = await start({ guests: 2 });
    table.gdt(5, descriptor(DATA));
    loadSelectors(guest, { ds: KDS, es: KDS, fs: FS, gs: 0 }, { cs: KCS, ss: KDS, esp });
    table.gdt(5, descriptor(DATA & ~0x8000));
    guest.call(HC.sched, YIELD);
    for (let n = 0; n < 40; n++) turn(rig);
    assert.deepEqual([guest.state, guest.code], [2, 3]);
    assert.equal(other.enter().call(17, 7), 4096);
  });
}
