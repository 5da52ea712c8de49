/** Entries from each ring: ring 2 counts as user mode; what no entry changes, and what none looks at (pv-abi §4.1, §4.3, §4.5). */
import assert from "node:assert/strict";
import {
  CODE,
  DATA,
  HC,
  hypercall,
  imm,
  KCS,
  KDS,
  kernel,
  push,
  registers,
  run,
  sendNmi,
  spot,
  STACK,
  UCS,
  UDS,
} from "./kernel.ts";
import { descriptor, loadSelectors, park } from "./selectors.ts";

const UD2 = [0x0f, 0x0b], NOP = [0x90];
const RING2_CODE = 0xcfdb00, RING2_DATA = 0xcfd300;
const CS2 = 6 * 8 | 2, SS2 = 7 * 8 | 2;
const UNMAPPED = 0x400000;

Deno.test("ring 2 is user mode: kernel_ss and kernel_sp, ESP and SS in the frame, U for #PF, INT n by DPL 3, no hypercall [trap.frame] [trap.kernel_stack] [trap.#PF] [trap.int]", async () => {
  const { guest, table, handlers, frame, inUser } = await kernel();
  table.gdt(6, descriptor(RING2_CODE));
  table.gdt(7, descriptor(RING2_DATA));
  handlers([0x20, spot(guest, 0x20), 2], [0x21, spot(guest, 0x21), 3]);
  const cases: [code: number[], vector: number, error: number | null, skipped: number][] = [
    [UD2, 6, null, 0],
    [[0xcc], 3, null, 1],
    [[0xf4], 13, 0, 0],
    [[0xcd, 0x20], 13, 0x102, 0],
    [[0xcd, 0x21], 0x21, null, 2],
    [[0xcd, 0x82], 13, 0x412, 0],
    [[0xa1, ...imm(UNMAPPED)], 14, 4, 0],
    [[0xa3, ...imm(UNMAPPED)], 14, 6, 0],
    [[0x0f, 0x20, 0xc0], 13, 0, 0], // mov eax,cr0
  ];
  for (const [code, vector, error, skipped] of cases) {
    const at = inUser(code, CS2, SS2);
    const { eip, esp, ss, cpl } = registers(guest);
    assert.deepEqual([eip, ss, cpl], [spot(guest, vector), KDS, 1], code.join());
    const words = frame(error === null ? 5 : 6);
    assert.equal(esp + words.length * 4, guest.va(STACK));
    if (error !== null) assert.equal(words.shift(), error);
    assert.deepEqual([words[0], words[1] & 0xffff, words[3], words[4]], [
      at + skipped,
      CS2,
      guest.va(DATA, 0x800),
      SS2,
    ]);
  }
  // but its accesses are a supervisor's: a page of the kernel's reads
  const at = inUser([0xa1, ...imm(guest.va(50)), ...UD2], CS2, SS2);
  assert.deepEqual([registers(guest).eip, frame(1)[0]], [spot(guest, 6), at + 5]);
  // and the iret hypercall goes there
  const to = spot(guest, 20);
  run(guest, [...push(0x77, to, CS2, 0x202, guest.va(DATA, 0x700), SS2), ...hypercall(HC.iret)]);
  const { eip, cs, cpl, ss, esp } = registers(guest);
  assert.deepEqual([eip, cs, cpl, ss, esp], [to, CS2, 2, SS2, guest.va(DATA, 0x700)]);
});

Deno.test("DS, ES, FS and GS come into the handler as they were, from each ring [trap.frame]", async () => {
  const { guest, table } = await kernel();
  table.gdt(5, descriptor(0xcff300, 0x1000));
  for (const [cs, ss] of [[KCS, KDS], [UCS, UDS]]) {
    const selectors = { ds: 5 * 8 | 3, es: UDS, fs: 5 * 8 | 3, gs: 0 };
    loadSelectors(guest, selectors, { cs, ss, esp: guest.va(DATA, 0x800) }, UD2);
    const { eip, cpl, ds, es, fs, gs, fsBase } = registers(guest);
    assert.deepEqual([eip, cpl], [spot(guest, 6), 1]);
    assert.deepEqual({ ds, es, fs, gs }, selectors);
    assert.equal(fsBase, 0x1000);
  }
});

Deno.test("the mask's word takes the byte after the mask along, exceptions, events and NMIs alike [trap.mask]", async () => {
  const { guest, frame, inKernel } = await kernel();
  inKernel(NOP);
  guest.setSharedByte(1, 0xff);
  guest.setSharedByte(2, 0xa5);
  run(guest, UD2);
  assert.equal(frame(2)[1], (0xa5ff_0000 | KCS) >>> 0);
  sendNmi(guest);
  run(guest, NOP);
  assert.equal(registers(guest).eip, spot(guest, 2));
  assert.equal(frame(2)[1], (0xa5ff_0000 | KCS) >>> 0);
});

Deno.test("a handler may be anywhere: where nothing is, it is #PF at its first instruction [set_trap_table] [trap.#PF]", async () => {
  for (const address of [UNMAPPED, 0xf6800000, 0xfffffffe, 0xffffffff]) {
    const { guest, handlers, frame, inKernel } = await kernel();
    handlers([6, address]);
    inKernel(UD2);
    assert.equal(registers(guest).eip, spot(guest, 14), address.toString(16));
    const [error, eip, cs] = frame(3);
    assert.deepEqual([error & ~0x11, eip, cs & 0xffff], [0, address, KCS]);
    assert.equal(guest.shared(8) >>> 0, address);
    assert.equal(guest.state, 1);
  }
});

Deno.test("CR2 is shown where vcpu_info has moved to, and in the register [trap.#PF] [vcpu_op.register_vcpu_info]", async () => {
  const { guest, inKernel } = await kernel();
  inKernel([0xa1, ...imm(UNMAPPED)]);
  assert.equal(guest.shared(8), UNMAPPED);
  const info = 0x140;
  const arg = guest.write(guest.va(30), guest.mfns[50], 0, info, 0);
  assert.equal(guest.call(HC.vcpu, 10, 0, arg), 0);
  inKernel([0xa1, ...imm(UNMAPPED + 0x1234)]);
  assert.equal(guest.read(guest.va(50, info + 8)), UNMAPPED + 0x1234);
  assert.equal(guest.shared(8), UNMAPPED, "the old place is the guest's own now");
  run(guest, [0x0f, 0x20, 0xd0]); // mov eax,cr2
  assert.equal(registers(guest).eax, UNMAPPED + 0x1234);
});

Deno.test("each vCPU has a trap table of its own [set_trap_table]", async () => {
  const { guest, handlers, rig } = await kernel({ vcpus: 2 });
  const EIP = 0x224, at = spot(guest, 50);
  assert.equal(guest.call(HC.vcpu, 0, 1, guest.context((c) => c.setUint32(EIP, at, true))), 0);
  assert.equal(guest.call(HC.vcpu, 1, 1), 0);
  run(guest, UD2);
  assert.equal(registers(guest).eip, spot(guest, 6));
  guest.enter(1);
  handlers([6, spot(guest, 40)]);
  park(guest, UD2);
  rig.inside.slice_end();
  for (let n = 0; n < 60; n++) rig.core.exports.machine_run(0n, 1000);
  assert.equal(registers(guest.enter(1)).eip, spot(guest, 40));
  guest.enter(0);
  run(guest, UD2);
  assert.equal(registers(guest).eip, spot(guest, 6));
  // and clearing one leaves the other
  guest.enter(1);
  assert.equal(guest.call(HC.trapTable, 0), 0);
  guest.enter(0);
  run(guest, UD2);
  assert.deepEqual([registers(guest).eip, guest.state], [spot(guest, 6), 1]);
});

Deno.test("a selector's RPL in the table is raised to 1 and never lowered [set_trap_table] [trap.handler_cs]", async () => {
  const { guest, handlers, frame, inKernel } = await kernel();
  for (const rpl of [2, 3]) { // the kernel's code does not take them
    handlers([6, spot(guest, 20), 0, KCS & ~3 | rpl]);
    inKernel(UD2);
    assert.equal(registers(guest).eip, spot(guest, 13));
    // a context of an outer ring was interrupted: kernel_sp, with SS and ESP
    assert.deepEqual([registers(guest).esp, frame(3)[0]], [guest.va(STACK) - 24, KCS & ~3]);
    assert.equal(frame(3)[2] & 0xffff, KCS & ~3 | rpl);
  }
});

Deno.test("a fault without a handler ends the domain, whatever its source and ring, the frame being written [trap.no_handler]", async () => {
  const sources = [
    UD2,
    [0xcc],
    [0xf1],
    [0xb0, 0x7f, 0x04, 0x01, 0xce], // into
    [0x31, 0xc9, 0xf7, 0xf1], // division by 0
    [0xf4],
    [0xcd, 0x80],
    [0xcd, 0x20],
    [0xa1, ...imm(UNMAPPED)],
    [0xb8, 1, 0x10, 0, 0, 0x8e, 0xc0], // a selector beyond the table
  ];
  for (const source of sources) {
    for (const user of [false, true]) {
      const { guest, toTheEnd } = await kernel();
      assert.equal(guest.call(HC.trapTable, 0), 0);
      const first = user ? push(guest.va(CODE, 26), UCS, 0x202, guest.va(DATA, 0x800), UDS) : [];
      const stack = [0xbc, ...imm(guest.va(25))];
      toTheEnd([...first.length ? [...first, 0xcf] : stack, ...source]);
      assert.deepEqual([guest.state, guest.code], [2, 3], source.join());
      if (user) assert.equal(guest.read(guest.va(STACK) - 4), UDS);
      else assert.equal(guest.read(guest.va(25) - 8) & 0xffff, KCS);
    }
  }
});

Deno.test("#NM from ring 3 clears the virtual TS as well; SSE and MMX raise it, FXSAVE too [trap.#NM]", async () => {
  const { guest, inUser } = await kernel();
  const users = [[0xd9, 0xd0], [0x0f, 0x57, 0xc0], [0x0f, 0x6f, 0xc0], [0x9b]];
  const fxsave = [0x0f, 0xae, 0x05, ...imm(guest.va(DATA))];
  for (const code of [...users, fxsave]) {
    assert.equal(guest.call(HC.fpu, 1), 0);
    inUser(code);
    // FWAIT asks for CR0.MP, which Xen has set
    assert.equal(registers(guest).eip, spot(guest, 7), code.join());
    run(guest, [0x0f, 0x20, 0xc0]);
    assert.equal(registers(guest).eax & 8, 0);
    inUser([...code, ...UD2]);
    assert.equal(registers(guest).eip, spot(guest, 6));
  }
});

Deno.test("SYSENTER and SYSCALL are what they are without their callbacks, in each ring [trap.sysenter] [callback_op.sysenter] [callback_op.syscall32]", async () => {
  const { guest, inKernel, inUser } = await kernel();
  for (const registered of [false, true]) {
    for (const type of registered ? [5, 7] : []) {
      const arg = guest.write(guest.va(30), type | 1 << 16, KCS, spot(guest, 30));
      assert.equal(guest.call(HC.callback, 0, arg), 0);
    }
    for (const code of [[0x0f, 0x34], [0x0f, 0x05]]) {
      inKernel(code);
      assert.equal(registers(guest).eip, spot(guest, 6));
      inUser(code);
      assert.equal(registers(guest).eip, spot(guest, 6));
    }
  }
});

Deno.test("UD2 in a code segment with a base: the prefix is looked for at EIP itself, and #PF there is the guest's [trap.#UD] [trap.#PF]", async () => {
  const BASE = 0x80000000;
  for (const ring of [1, 3]) {
    const { guest, table, frame, inKernel, inUser } = await kernel();
    table.gdt(6, descriptor(ring === 1 ? 0xcf9b00 : 0xcffb00, BASE));
    const cs = 6 * 8 | ring;
    // a far jump to itself in the based segment; EIP alone is mapped nowhere
    const at = guest.va(CODE, 0x80) - BASE;
    const jump = [0xea, ...imm(at), cs, 0];
    const front = ring === 1 ? 8 : 8 + 26;
    const code = [...jump, ...Array(0x80 - front - jump.length).fill(0x90), ...UD2];
    if (ring === 1) inKernel(code);
    else inUser(code);
    assert.equal(registers(guest).eip, spot(guest, 14), `ring ${ring}`);
    const [error, eip, shown] = frame(3);
    assert.deepEqual([error, eip, shown & 0xffff], [ring === 1 ? 0 : 4, at, cs]);
    assert.equal(guest.shared(8) >>> 0, at);
  }
});

Deno.test("DR6 keeps what it was told until the guest clears it [trap.#DB] [set_debugreg]", async () => {
  const { guest, inKernel } = await kernel();
  const dr6 = () => guest.call(9, 6) >>> 0;
  inKernel([0x90]);
  assert.equal(guest.call(8, 0, guest.va(CODE, 1)), 0);
  assert.equal(guest.call(8, 7, 1), 0);
  run(guest, [0x90, 0x90]);
  assert.deepEqual([registers(guest).eip, dr6()], [spot(guest, 1), 0xffff0ff1]);
  assert.equal(guest.call(8, 7, 0), 0);
  run(guest, [0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90]); // TF
  assert.deepEqual([registers(guest).eip, dr6()], [spot(guest, 1), 0xffff4ff1]);
  run(guest, [0xf1]); // ICEBP adds nothing
  assert.equal(dr6(), 0xffff4ff1);
  assert.equal(guest.call(8, 6, 0), 0);
  assert.equal(dr6(), 0xffff0ff0);
});
