/** The hypervisor's way back: what waits goes first, in Xen's order, then the guest's segments are loaded (pv-abi §4.6, §4.7). */
import assert from "node:assert/strict";
import {
  CODE,
  HC,
  hypercall,
  imm,
  KCS,
  KDS,
  kernel,
  pendEvent,
  push,
  registers,
  run,
  sendNmi,
  spot,
  UPCALL,
} from "./kernel.ts";

const NOP = [0x90];
const BAD_CS = 0x1231, TARGET = 0xc0123456;
const iret = (cs: number, eip: number, flags: number) => [
  ...push(0x77, eip, cs, flags),
  ...hypercall(HC.iret),
];

Deno.test("NMI before event, both before the iret's target is loaded, however bad it is [trap.order] [trap.NMI] [iret]", async () => {
  for (const flags of [0, 4]) {
    const { guest, handlers, frame, inKernel } = await kernel();
    handlers([2, spot(guest, 2), flags]);
    inKernel(NOP);
    sendNmi(guest);
    run(guest, NOP);
    assert.equal(registers(guest).eip, spot(guest, 2));
    sendNmi(guest);
    pendEvent(guest);
    run(guest, NOP);
    assert.notEqual(registers(guest).eip, spot(guest, 2), "an NMI is at work already");
    run(guest, iret(BAD_CS, TARGET, 0x202));
    const { eip, eax } = registers(guest);
    assert.equal(eax, 0x77);
    const nmi = [TARGET, BAD_CS, 0x202];
    if (flags === 4) { // the NMI's handler masks events
      assert.equal(eip, spot(guest, 2));
      assert.deepEqual(frame(3), nmi);
    } else { // as the trap table has it: the event comes at the handler's first instruction
      assert.equal(eip, spot(guest, UPCALL));
      assert.deepEqual(frame(6), [spot(guest, 2), KCS, 0x202, ...nmi]);
    }
    assert.equal(guest.sharedByte(1), 1);
    assert.equal(guest.state, 1);
  }
});

Deno.test("an event comes before the instruction that iret goes to, unless iret's IF is off [trap.order] [iret] [trap.upcall]", async () => {
  const { guest, frame, inKernel } = await kernel();
  inKernel(NOP);
  pendEvent(guest);
  const code = iret(KCS, guest.va(CODE, 0x80), 0x202);
  const ud2 = [...code, ...Array(0x80 - code.length).fill(0x90), 0x0f, 0x0b];
  run(guest, ud2);
  assert.equal(registers(guest).eip, spot(guest, UPCALL));
  assert.deepEqual(frame(3), [guest.va(CODE, 0x80), KCS, 0x202]);
  guest.setSharedByte(1, 0xff);
  const masked = [...iret(KCS, guest.va(CODE, 0x80), 2), ...ud2.slice(code.length)];
  run(guest, masked);
  assert.equal(registers(guest).eip, spot(guest, 6));
  assert.deepEqual(frame(3), [guest.va(CODE, 0x80), KCS | 1 << 16, 0x10002]);
});

Deno.test("a handler with a bad selector is interrupted by the event first; the iret to it is #GP [trap.order] [trap.handler_cs]", async () => {
  const { guest, handlers, frame, inKernel } = await kernel();
  handlers([6, TARGET, 0, BAD_CS]);
  inKernel(NOP);
  pendEvent(guest);
  guest.setSharedByte(1, 0);
  // the vCPU's next way back would deliver it: so it is the exception that enters
  guest.setSharedByte(0, 0);
  const at = guest.rig.core.exports.domain_shared_info(guest.domid);
  assert.equal(guest.call(HC.updateVa, guest.va(40), at << 12 | 0x63, at >>> 20, 2), 0);
  run(guest, [0xc6, 0x05, ...imm(guest.va(40)), 1, 0x0f, 0x0b]); // pending again; ud2
  assert.equal(registers(guest).eip, spot(guest, UPCALL));
  const words = frame(6);
  assert.deepEqual(words.slice(0, 2), [TARGET, BAD_CS]);
  assert.deepEqual(words.slice(3, 5), [guest.va(CODE, 7), KCS]);
  guest.setSharedByte(0, 0);
  run(guest, iret(BAD_CS, TARGET, 0x202));
  assert.equal(registers(guest).eip, spot(guest, 13));
  assert.deepEqual(frame(3), [BAD_CS & ~3, TARGET, BAD_CS]);
});

Deno.test("an NMI without a handler is forgotten, and masks nothing [trap.NMI]", async () => {
  const { guest, handlers, inKernel } = await kernel();
  inKernel(NOP);
  assert.equal(guest.call(HC.nmi, 1, 0), 0);
  guest.setSharedByte(1, 0);
  for (const cs of [0, 3]) {
    if (cs) handlers([2, spot(guest, 2), 4, cs]); // a null selector is no handler either
    sendNmi(guest);
    run(guest, NOP);
    assert.equal(guest.state, 1);
    assert.equal(guest.sharedByte(1), 0);
  }
  handlers([2, spot(guest, 2)]);
  run(guest, NOP);
  assert.notEqual(registers(guest).eip, spot(guest, 2), "it is not kept");
  sendNmi(guest);
  run(guest, NOP);
  assert.equal(registers(guest).eip, spot(guest, 2), "none is at work");
});

Deno.test("an NMI on a stack that cannot take its frame ends the domain [trap.NMI] [trap.bad_stack]", async () => {
  for (const esp of [0x1000, 8, 0xf5900000]) {
    const { guest, inKernel, toTheEnd } = await kernel();
    inKernel(NOP, esp);
    sendNmi(guest);
    toTheEnd(NOP);
    assert.deepEqual([guest.state, guest.code], [2, 3], esp.toString(16));
  }
});

Deno.test("iret reads its frame at ESP itself, without the base of SS, and goes on upon SS as it is [iret]", async () => {
  const { guest, table, inKernel, toTheEnd } = await kernel();
  table.gdt(5, [0x1000_ffff, 0xcfb300]); // base 0x1000
  inKernel(NOP);
  const at = guest.va(26, 0x100);
  guest.write(at, 1, 2, 3, 4); // what the base would lead to
  guest.write(at - 0x1000, 0x77, guest.va(CODE, 0x80), KCS, 2);
  const load = [0xb8, 0x29, 0, 0, 0, 0x8e, 0xd0, 0xbc, ...imm(at - 0x1000)];
  const code = [...load, ...hypercall(HC.iret)];
  run(guest, [...code, ...Array(0x80 - code.length).fill(0x0f), 0xeb, 0xfe]);
  const { eip, esp, ss, eax } = registers(guest);
  assert.deepEqual([eip, esp, ss, eax], [guest.va(CODE, 0x80), at - 0x1000 + 16, 0x29, 0x77]);
  // the outer ring's two words must be there as well
  const end = guest.va(96) - 16;
  guest.write(end, 0, guest.va(CODE), 0xe02b, 2);
  toTheEnd([
    0xb8,
    KDS & 0xff,
    KDS >>> 8,
    0,
    0,
    0x8e,
    0xd0,
    0xbc,
    ...imm(end),
    ...hypercall(HC.iret),
  ]);
  assert.deepEqual([guest.state, guest.code], [2, 3]);
});
