/** Faults within handlers, to the end of the stack, and what waits upon frames from each ring (pv-abi §4.5, §4.6). */
import assert from "node:assert/strict";
import {
  CODE,
  DATA,
  HC,
  hypercall,
  imm,
  KCS,
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
} from "./kernel.ts";
import { descriptor } from "./selectors.ts";

const UD2 = [0x0f, 0x0b];
const UNMAPPED = 0x400000;

Deno.test("handlers that fault at their first instruction go on until the stack ends, then so does the domain [trap.nested] [trap.bad_stack] [trap.#DF]", async () => {
  // through CS, since DS does not come along to ring 3
  const sources: [number, number[]][] = [[6, UD2], [13, [0xf4]], [14, [
    0x2e,
    0xa1,
    ...imm(UNMAPPED),
  ]]];
  for (const [vector, code] of sources) {
    for (const user of [false, true]) {
      const { guest, handlers, rig, toTheEnd } = await kernel();
      const at = spot(guest, 20);
      rig.core.frame(guest.mfns[23]).set(code, at & 0xfff);
      handlers([vector, at]);
      const stack = guest.va(5, 0x400); // tables are below
      guest.call(HC.stackSwitch, 0xe021, stack);
      const enter = user
        ? [...push(guest.va(CODE, 26), UCS, 0x202, guest.va(DATA, 0x800), UDS), 0xcf]
        : [0xbc, ...imm(stack)];
      toTheEnd([...enter, ...code]);
      assert.deepEqual([guest.state, guest.code], [2, 3], `${vector} ${user}`);
      // down to the first page that the guest may write, and not into its tables
      const words = [0, 4, 8, 12].map((n) => guest.read(guest.va(3, n)) >>> 0);
      assert.ok(words.includes(at), "frames to the last");
      assert.equal(rig.inside.audit(guest.domid), 0);
    }
  }
});

Deno.test("an event upon an exception, an INT n and a refused hypercall from ring 3 [trap.order] [trap.kernel_stack]", async () => {
  const cases: [code: number[], vector: number, words: number, handler?: number][] = [
    [UD2, 6, 5],
    [[0xf4], 13, 6],
    [[0xcd, 0x80], 0x80, 5, 32],
    [[0xcd, 0x21], 0x21, 5, 33],
    [[0xcd, 0x82], 13, 6],
    [[0xa1, ...imm(UNMAPPED)], 14, 6],
  ];
  for (const [code, vector, words, handler = vector] of cases) {
    const { guest, handlers, frame, inKernel } = await kernel();
    handlers([vector, spot(guest, handler), 3]);
    inKernel([0x90]);
    pendEvent(guest);
    const shared = guest.rig.core.exports.domain_shared_info(guest.domid);
    assert.equal(guest.call(HC.updateVa, guest.va(44), shared << 12 | 0x63, shared >>> 20, 2), 0);
    // DS that ring 3 may keep
    const unmask = [0xb8, ...imm(UDS), 0x8e, 0xd8, 0xc6, 0x05, ...imm(guest.va(44, 1)), 0];
    const at = guest.va(CODE, 0x40);
    const leave = [...unmask, ...push(at, UCS, 0x202, guest.va(DATA, 0x800), UDS), 0xcf];
    run(guest, [...leave, ...Array(0x40 - leave.length).fill(0x0f), ...code]);
    const { eip, esp } = registers(guest);
    assert.equal(eip, spot(guest, UPCALL), code.join());
    assert.equal(esp, guest.va(STACK) - words * 4 - 12);
    assert.deepEqual(frame(2), [spot(guest, handler), KCS]);
  }
});

Deno.test("an event straight upon user code has ESP and SS as well [trap.upcall] [trap.kernel_stack]", async () => {
  const { guest, frame, inUser } = await kernel();
  const at = inUser([0xeb, 0xfe]);
  pendEvent(guest);
  guest.setSharedByte(1, 0);
  guest.rig.inside.slice_end();
  for (let n = 0; n < 10; n++) guest.rig.core.exports.machine_run(0n, 100);
  guest.enter();
  assert.deepEqual([registers(guest).eip, registers(guest).esp], [
    spot(guest, UPCALL),
    guest.va(STACK) - 20,
  ]);
  const [eip, cs, flags, esp, ss] = frame(5);
  assert.deepEqual([eip, cs, flags & 0x200, esp, ss], [at, UCS, 0x200, guest.va(DATA, 0x800), UDS]);
});

Deno.test("a kernel stack in the LDT: its page is found as the frame is written, or the domain ends [trap.kernel_stack] [descriptor.ldt_lazy]", async () => {
  for (const there of [true, false]) {
    const { guest, table, toTheEnd } = await kernel();
    table.ldt(3, descriptor(0xcfb300, 0x1000));
    guest.call(HC.stackSwitch, 3 * 8 | 5, guest.va(STACK));
    if (!there) table.dropLdt();
    toTheEnd([...push(guest.va(CODE, 26), UCS, 0x202, guest.va(DATA, 0x800), UDS), 0xcf, ...UD2]);
    if (!there) {
      assert.deepEqual([guest.state, guest.code], [2, 3]);
      continue;
    }
    assert.equal(guest.state, 1);
    guest.enter();
    const { ss, esp } = registers(guest);
    assert.deepEqual([ss, esp], [3 * 8 | 5, guest.va(STACK) - 20]);
    assert.equal(guest.read(guest.va(STACK + 1) - 4), UDS, "at the segment's base");
  }
});

Deno.test("a handler's own hypercall and fault on top of its frame, and back by iret to each [trap.nested] [iret]", async () => {
  const { guest, frame, inKernel, handlers } = await kernel();
  const at = guest.va(CODE, 0x80);
  handlers([6, at]);
  // #UD's handler asks for the version, then faults itself
  const handler = [...hypercall(HC.version), 0xa1, ...imm(UNMAPPED)];
  inKernel([...UD2, ...Array(0x80 - 8 - 2).fill(0x90), ...handler]);
  assert.equal(registers(guest).eip, spot(guest, 14));
  const words = frame(7);
  assert.deepEqual([words[1], words[4]], [at + 7, guest.va(CODE, 8)]);
  assert.equal(registers(guest).esp, guest.va(25) - 28);
});
