/** Call gates by guest code: there and back from ring 3, each instruction that goes through one, and what comes of it under TF and with an event due (pv-abi §8.5). */
import assert from "node:assert/strict";
import { descriptor } from "../traps/selectors.ts";
import {
  CODE,
  DATA,
  HC,
  imm,
  KCS,
  KDS,
  kernel,
  pendEvent,
  push,
  registers,
  run,
  spot,
  STACK,
  UCS,
  UDS,
  UPCALL,
} from "../traps/kernel.ts";

/** Where the gates lead, in the page of the code that runs. */
const INSIDE = 0x200;
const UD2 = [0x0f, 0x0b];
/** mov $0xd, %eax; mov %eax, %fs */
const LOAD_LDT = [0xb8, 8 | 5, 0, 0, 0, 0x8e, 0xe0];

const gate = (target: number, offset: number, dpl: number, parameters = 0): [number, number] => [
  (target << 16 | offset & 0xffff) >>> 0,
  (offset & 0xffff0000 | 0x8c00 | dpl << 13 | parameters) >>> 0,
];

async function start() {
  const made = await kernel();
  const { guest, table, inKernel } = made;
  // Written raw a page is checked as a whole, at its first use; a gate that was checked before would
  // be checked once more then, and lose its DPL.
  table.ldt(1, descriptor(0xcfb300));
  inKernel(LOAD_LDT);
  table.ldt(0, gate(0xe019, guest.va(CODE, INSIDE), 3, 3));
  table.gdt(8, gate(0xe019, guest.va(CODE, INSIDE), 1));
  // far pointers in memory: of 32 and of 16 bits of offset, to the LDT's gate and the GDT's
  guest.write(guest.va(DATA, 0x900), 0x12345678, 7);
  guest.write(guest.va(DATA, 0x908), 0x5678 | 7 << 16);
  guest.write(guest.va(DATA, 0x910), 0x12345678, 0x41);
  return made;
}

/** Code in front, padded, and what lies behind the gate. */
const before = 8 + 26; // what loadSelectors puts in front of user code
const withInside = (code: number[], inside: number[], front: number) => [
  ...code,
  ...Array(INSIDE - front - code.length).fill(0x0f),
  ...inside,
];

const CALLS: [string, (data: number) => number[]][] = [
  ["lcall $7, $0", () => [0x9a, 0, 0, 0, 0, 7, 0]],
  ["lcallw $7, $0", () => [0x66, 0x9a, 0, 0, 7, 0]],
  ["lcall *m", (data) => [0xff, 0x1d, ...imm(data + 0x900)]],
  ["lcallw *m", (data) => [0x66, 0xff, 0x1d, ...imm(data + 0x908)]],
  ["ds es lcall *m", (data) => [0x3e, 0x26, 0xff, 0x1d, ...imm(data + 0x900)]],
];

for (const [name, code] of CALLS) {
  Deno.test(`${name} from ring 3: parameters copied, and back with them dropped from both stacks [descriptor.gate_use] [descriptor.far_return]`, async () => {
    const { guest, frame, inUser } = await start();
    const data = guest.va(DATA);
    const call = code(data);
    const pushes = push(0x11, 0x22, 0x33);
    // the kernel stores what it sees at ESP, then retf 12
    const store = [0, 4, 8, 12, 16, 20, 24].flatMap((at, n) => [
      ...[0x8b, 0x44, 0x24, at],
      ...[0xa3, ...imm(data + n * 4)],
    ]);
    const leave = [0x89, 0x25, ...imm(data + 28), 0xca, 12, 0];
    const at = inUser(withInside([...pushes, ...call, ...UD2], [...store, ...leave], before));
    const next = at + pushes.length + call.length;
    const top = data + 0x800;
    const seen = Array.from({ length: 8 }, (_, n) => guest.read(data + n * 4) >>> 0);
    assert.deepEqual(seen, [
      ...[next, UCS, 0x11, 0x22, 0x33, top - 12, UDS],
      guest.va(STACK) - 28,
    ]);
    // back in ring 3, behind the call: UD2 tells
    assert.equal(registers(guest).eip, spot(guest, 6));
    const [eip, cs, , esp, ss] = frame(5);
    assert.deepEqual([eip, cs & 0xffff, esp, ss], [next, UCS, top, UDS]);
    assert.equal(guest.rig.inside.audit(guest.domid), 0);
  });
}

Deno.test("a jump through a gate stays in its ring; to an inner one it is #GP with the target [descriptor.gate_use]", async () => {
  const { guest, frame, inKernel, inUser } = await start();
  const direct = (selector: number) => [0xea, 0, 0, 0, 0, selector, 0];
  const indirect = (at: number) => [0xff, 0x2d, ...imm(guest.va(DATA, at))];
  for (const jump of [direct(0x41), indirect(0x910)]) {
    inKernel(withInside(jump, [0xeb, 0xfe], 8));
    const { eip, esp, cs } = registers(guest);
    assert.deepEqual([eip, esp, cs], [guest.va(CODE, INSIDE), guest.va(25), KCS]);
  }
  for (const jump of [direct(7), indirect(0x900)]) {
    const at = inUser(jump);
    assert.equal(registers(guest).eip, spot(guest, 13));
    assert.deepEqual(frame(2), [KCS & ~3, at]);
  }
});

Deno.test("a refused gate leaves the caller at its instruction with the code that says why [descriptor.gate_use] [descriptor.gate_stack]", async () => {
  const { guest, table, frame, inUser } = await start();
  const lcall = (selector: number) => [0x66, 0x2e, 0x9a, 0, 0, selector & 0xff, selector >>> 8];
  const absent = gate(0xe019, 0, 3);
  table.gdt(9, [absent[0], absent[1] & ~0x8000]);
  table.gdt(10, gate(9 * 8, 0, 3)); // to a gate
  table.gdt(11, gate(0xe019, 0, 3, 31)); // more parameters than the caller's page has
  const cases: [selector: number, vector: number, error: number, cr2?: number][] = [
    [0x41, 13, 0x40], // its DPL is ring 1's
    [0x4b, 11, 0x48],
    [0x53, 13, 0x48],
    [0x58 | 3, 14, 4, guest.va(DATA + 1, 30 * 4 - 0x78) + 18],
  ];
  for (const [selector, vector, error, cr2] of cases) {
    const mapping = guest.mfns[DATA + 1];
    if (cr2) {
      assert.equal(guest.call(HC.updateVa, guest.va(DATA + 1), 0, 0, 2), 0);
      // ESP so close to the page's end that the last parameter lies beyond
      const esp = guest.va(DATA + 1) - 0x78;
      const code = [0xbc, ...imm(esp), ...lcall(selector)];
      const at = inUser(code) + 5;
      assert.equal(registers(guest).eip, spot(guest, vector));
      const [code4, eip, cs, , sp] = frame(5);
      assert.deepEqual([code4, eip, cs & 0xffff, sp], [error, at, UCS, esp]);
      assert.equal(guest.shared(8) >>> 0, cr2);
      assert.equal(
        guest.call(HC.updateVa, guest.va(DATA + 1), mapping << 12 | 0x67, mapping >>> 20, 2),
        0,
      );
      continue;
    }
    const at = inUser(lcall(selector));
    assert.equal(registers(guest).eip, spot(guest, vector), selector.toString(16));
    const [code4, eip, cs, , sp] = frame(5);
    assert.deepEqual([code4, eip, cs & 0xffff, sp], [error, at, UCS, guest.va(DATA, 0x800)]);
  }
});

Deno.test("a gate on a kernel stack that is none: #TS or #SS, whose frame has no stack either, so the domain ends [descriptor.gate_stack] [trap.bad_stack]", async () => {
  for (const [ss, sp] of [[KCS, 0xc0001000], [0x101, 0xc0001000], [KDS, 8]]) {
    const { guest, toTheEnd } = await start();
    guest.call(HC.stackSwitch, ss, sp);
    const user = push(guest.va(CODE, 26), UCS, 0x202, guest.va(DATA, 0x800), UDS);
    toTheEnd([...user, 0xcf, 0x9a, 0, 0, 0, 0, 7, 0]);
    assert.deepEqual([guest.state, guest.code], [2, 3], ss.toString(16));
  }
});

Deno.test("a checked gate is not to be checked again: its target's RPL is no longer the kernel's, or its DPL is lost [descriptor.call_gate] [set_gdt] [errno.EINVAL]", async () => {
  const { guest, table } = await start();
  const page = 70;
  const at = guest.mfns[page] * 4096 + 8;
  const update = ([low, high]: [number, number]) =>
    guest.call(HC.updateDescriptor, at | 0, Math.floor(at / 2 ** 32), low, high);
  const map = (flags: number) =>
    guest.call(
      HC.updateVa,
      guest.va(page),
      guest.mfns[page] << 12 | flags,
      guest.mfns[page] >>> 20,
      2,
    );
  const use = () => guest.call(HC.setGdt, guest.write(guest.va(30), guest.mfns[page]), 16);
  // to Xen's flat code: refused, and the table in force stays
  table.gdt(5, descriptor(0xcfb300));
  assert.equal(update(gate(KCS, 0, 3)), 0);
  assert.equal(guest.read(guest.va(page, 8)) >>> 16, KCS | 3);
  assert.equal(map(0x61), 0);
  assert.equal(use(), -22);
  run(guest, [0xb8, 5 * 8 | 1, 0, 0, 0, 0x8e, 0xe0]);
  assert.equal(registers(guest).fs, 5 * 8 | 1);
  // to the guest's own: taken, for ring 1
  assert.equal(update(gate(12 * 8, 0, 3)), 0);
  assert.equal(guest.read(guest.va(page, 8)) >>> 16, 12 * 8 | 3);
  assert.equal(use(), 0);
  assert.equal(guest.read(guest.va(page, 8)) >>> 16, 12 * 8 | 1);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("TF over a gate: #DB at the first instruction inside, before it runs [descriptor.gate_use] [trap.tf_emulated]", async () => {
  const { guest, frame, inUser } = await start();
  const setTf = [0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d]; // pushf; or dword [esp],0x100; popf
  inUser(withInside([...setTf, 0x9a, 0, 0, 0, 0, 7, 0], UD2, before));
  assert.equal(registers(guest).eip, spot(guest, 1));
  const [eip, cs, flags] = frame(3);
  assert.deepEqual([eip, cs & 0xffff, flags & 0x100], [guest.va(CODE, INSIDE), KCS, 0x100]);
  assert.equal(guest.call(9, 6) & 0x4000, 0x4000, "DR6.BS");
});

Deno.test("the gate is the hypervisor's work: an event that is due comes at the first instruction inside [descriptor.gate_use] [trap.upcall]", async () => {
  const { guest, frame, inKernel } = await start();
  inKernel([0x90]);
  pendEvent(guest);
  const shared = guest.rig.core.exports.domain_shared_info(guest.domid);
  assert.equal(guest.call(HC.updateVa, guest.va(44), shared << 12 | 0x63, shared >>> 20, 2), 0);
  // unmask by a store, go on by IRET: neither enters the hypervisor
  const unmask = [0xc6, 0x05, ...imm(guest.va(44, 1)), 0];
  const words = [guest.va(CODE, 0x40), UCS, 0x202, guest.va(DATA, 0x700), UDS];
  const code = [...unmask, ...push(...words), 0xcf];
  const user = [...code, ...Array(0x40 - code.length).fill(0x0f), 0x9a, 0, 0, 0, 0, 7, 0];
  run(guest, withInside(user, UD2, 0));
  assert.equal(registers(guest).eip, spot(guest, UPCALL));
  const [eip, cs] = frame(2);
  assert.deepEqual([eip, cs], [guest.va(CODE, INSIDE), KCS]);
});

Deno.test("so is the first use of an LDT page [descriptor.ldt_lazy] [trap.upcall]", async () => {
  const { guest, table, frame, inKernel } = await kernel();
  table.ldt(1, descriptor(0xcfb300));
  inKernel([0x90]);
  pendEvent(guest);
  const shared = guest.rig.core.exports.domain_shared_info(guest.domid);
  assert.equal(guest.call(HC.updateVa, guest.va(44), shared << 12 | 0x63, shared >>> 20, 2), 0);
  const unmask = [0xc6, 0x05, ...imm(guest.va(44, 1)), 0];
  run(guest, [...unmask, ...LOAD_LDT, 0x90]);
  assert.equal(registers(guest).eip, spot(guest, UPCALL));
  assert.equal(frame(1)[0], guest.va(CODE, unmask.length + LOAD_LDT.length));
  // from then on it is the processor's
  guest.setSharedByte(1, 1);
  guest.setSharedByte(0, 1);
  run(guest, [...unmask, ...LOAD_LDT, ...UD2]);
  assert.equal(registers(guest).eip, spot(guest, UPCALL));
  assert.equal(frame(1)[0], spot(guest, 6), "with the exception behind it");
});
