/**
 * What keeps the short way into a handler from being taken where its page is at hand: a stack with a base, and a
 * descriptor that changed. Both ways would end on a stack that is not the guest's idea of it.
 */
import assert from "node:assert/strict";
import { CODE, DATA, HC, hypercall, imm, KCS, kernel, registers, spot } from "./kernel.ts";
import { descriptor } from "./selectors.ts";

const OWN_STACK = 2 * 8 | 1, BASE = 0x1000, GDT_PAGE = 20, SHARED = 45;
const FLAT = 0xcfb300;
const loadStack = (esp: number) => [0xb8, ...imm(OWN_STACK), 0x8e, 0xd0, 0xbc, ...imm(esp)];
/** Writes a byte just below an address, so that the TLB has the page. */
const touch = (at: number) => [0xc6, 0x05, ...imm(at - 1), 0];

Deno.test("a kernel's frame goes through its stack's base, though the page at ESP is at hand [trap.based_stack]", async () => {
  const { guest, table, inKernel } = await kernel();
  table.gdt(2, descriptor(FLAT, BASE));
  const esp = guest.va(DATA, 0x800), top = esp + BASE;
  for (let at = esp - 16; at < esp; at += 4) guest.write(at, 0x5a5a5a5a);
  inKernel([...loadStack(esp), ...touch(esp - 32), ...touch(top - 32), 0x0f, 0x0b]);
  assert.equal(registers(guest).eip, spot(guest, 6));
  assert.equal(registers(guest).esp, esp - 12);
  assert.equal(guest.read(top - 8) & 0xffff, KCS);
  for (let at = esp - 16; at < esp; at += 4) assert.equal(guest.read(at), 0x5a5a5a5a);
});

Deno.test("an event's handler runs on the stack segment as its descriptor is now [trap.upcall] [trap.based_stack]", async () => {
  const { guest, rig, table, inKernel } = await kernel();
  const info = rig.core.exports.domain_shared_info(guest.domid);
  assert.equal(
    guest.call(HC.updateVa, guest.va(SHARED), info << 12 | 0x63, info >>> 20, 2),
    0,
  );
  table.gdt(2, descriptor(FLAT));
  const esp = guest.va(DATA, 0x800);
  const at = guest.mfns[GDT_PAGE] * 4096 + 2 * 8;
  const [low, high] = descriptor(FLAT, BASE);
  const change = [
    ...[0xbb, ...imm(at), 0xb9, ...imm(Math.floor(at / 2 ** 32))],
    ...[0xba, ...imm(low), 0xbe, ...imm(high)],
    ...hypercall(HC.updateDescriptor),
  ];
  guest.setSharedByte(1, 0);
  const pend = [0xc6, 0x05, ...imm(guest.va(SHARED)), 1];
  const code = [...loadStack(esp), ...touch(esp), ...pend, ...change];
  guest.call(HC.callbacks, KCS, guest.va(CODE, 0x200), KCS, 0);
  // the handler tells of its stack by its first instruction
  inKernel([...code, ...Array(0x200 - 8 - code.length).fill(0x90), 0x68, ...imm(0x1234)]);
  const { ss } = registers(guest);
  assert.equal(ss, OWN_STACK);
  const top = esp + BASE;
  assert.deepEqual(
    [guest.read(top - 16), guest.read(top - 12), guest.read(top - 8) & 0xffff],
    [0x1234, guest.va(CODE, 8 + code.length), KCS],
  );
});
