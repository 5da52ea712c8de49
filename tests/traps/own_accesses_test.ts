/**
 * Breakpoints on memory that the hypervisor touches for a guest: none of the guest's accesses, so none hits. Xen takes
 * the #DB itself then, and goes on.
 */
import assert from "node:assert/strict";
import { CPU, R_SP } from "../../core/wasm/layout.ts";
import { BASE, Bench, CODE_PAGE, FREE, KCS, type Setup, va } from "../cpu/bench.ts";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { HC, KDS, kernel, registers, run, spot, STACK as KERNEL_STACK } from "./kernel.ts";
import { park } from "./selectors.ts";

const bench = await Bench.create();
const STACK = va(FREE, 0x100), DATA = va(FREE, 0x200), TO = va(CODE_PAGE, 0x100);
/** DR7 for breakpoint 0: four bytes, read or written. */
const ACCESS = 0x400 | 1 | 0xf << 16;
const [PHYSDEV, SET_IOPL] = [33, 6];

bench.put(TO, [0x90, 0x90, 0xeb, 0xfe]);

/** Runs code with a breakpoint, and the same with the breakpoint elsewhere. */
function unseen(address: number, setup: Setup): void {
  const there = bench.run({ ...setup, debug: { 0: address, 7: ACCESS } });
  const elsewhere = bench.run({ ...setup, debug: { 0: va(FREE, 0xf00), 7: ACCESS } });
  assert.equal(there.vector, null);
  assert.deepEqual(there, elsewhere);
}

Deno.test("the iret hypercall's frame is read unseen [trap.#DB]", () => {
  [7, TO, KCS, 0x202].forEach((word, n) => bench.guest.write(STACK + n * 4, word));
  for (let n = 0; n < 4; n++) {
    unseen(STACK + n * 4, { code: [0xb8, 23, 0, 0, 0, 0xcd, 0x82], esp: STACK });
  }
});

Deno.test("INS and OUTS move their elements unseen [trap.#DB] [emulate.ins] [emulate.outs]", () => {
  bench.guest.enter();
  assert.equal(bench.guest.call(PHYSDEV, SET_IOPL, bench.guest.write(va(9), 1)), 0);
  bench.guest.rig.inside.slice_end();
  for (const code of [[0x6d], [0xf3, 0x6d]]) unseen(DATA, { code, edi: DATA, ecx: 2, edx: 0x60 });
  for (const code of [[0x6f], [0xf3, 0x6f]]) unseen(DATA, { code, esi: DATA, ecx: 2, edx: 0x60 });
});

Deno.test("the bytes behind UD2 are read unseen [trap.#DB] [emulate.forced]", () => {
  const code = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2, 0x90];
  for (const ring of [1, 3] as const) {
    for (const at of [0, 4]) unseen(va(CODE_PAGE, at), { code, ring, eax: 0 });
  }
});

Deno.test("what a call gate's emulation copies and pushes is touched unseen [trap.#DB] [descriptor.gate_use]", async () => {
  const { guest, table, inUser } = await kernel();
  const target = spot(guest, 61);
  table.gdt(8, [(KCS << 16 | target & 0xffff) >>> 0, (target & 0xffff0000 | 0xec01) >>> 0]);
  const parameter = guest.va(40, 0x7fc);
  const frame = [4, 8, 12, 16, 20].map((n) => guest.va(KERNEL_STACK) - n);
  for (const address of [parameter, ...frame]) {
    assert.equal(guest.call(HC.setDebugreg, 0, address), 0);
    assert.equal(guest.call(HC.setDebugreg, 7, ACCESS), 0);
    inUser([0x83, 0xec, 4, 0x9a, 0, 0, 0, 0, 8 * 8 | 3, 0]); // sub $4, %esp; lcall
    assert.equal(registers(guest).eip, target, (address - BASE).toString(16));
    assert.equal(guest.call(HC.setDebugreg, 7, 0x400), 0);
  }
});

Deno.test("the #DB that POP SS holds back stays its vCPU's, whoever runs in between [trap.#DB]", async () => {
  const rig = await Rig.create(2);
  const handle = (guest: Guest) => {
    park(guest.enter());
    const list = guest.write(guest.va(30), 1 | KCS << 16, spot(guest, 1), 0, 0);
    assert.equal(guest.call(HC.trapTable, list), 0);
    assert.equal(guest.call(PHYSDEV, SET_IOPL, guest.write(guest.va(30), 1)), 0);
    return guest;
  };
  const one = handle(rig.addGuest());
  const stack = one.write(one.va(26), KDS);
  assert.equal(one.call(HC.setDebugreg, 0, stack), 0);
  assert.equal(one.call(HC.setDebugreg, 7, ACCESS), 0);
  rig.core.view().setBigUint64(CPU + R_SP, BigInt(stack), true);
  park(one, [0x17]);
  rig.inside.slice_end();
  rig.core.exports.machine_run(0n, 1);
  rig.core.exports.domain_pause(one.domid);

  const other = handle(rig.addGuest());
  run(other, [0xe4, 0x60]); // what is emulated may end with the trap of a breakpoint
  assert.notEqual(registers(other).eip, spot(other, 1));
  rig.inside.slice_end();
  rig.core.exports.domain_unpause(one.domid);
  rig.core.exports.domain_pause(other.domid);
  rig.core.exports.machine_run(0n, 1000);
  one.enter();
  assert.equal(registers(one).eip, spot(one, 1));
  assert.equal(one.call(HC.getDebugreg, 6) & 15, 1);
});
