/** Ways out through changes of privilege, descriptors and grants that real Xen once left open. */
import assert from "node:assert/strict";
import { CPU, R_SP } from "../../core/wasm/layout.ts";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";
import { descriptor, loadSelectors, park, registers, spot, tables } from "../traps/selectors.ts";

const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
const HC = { trapTable: 0, stackSwitch: 3, callbacks: 4, multicall: 13, mmuext: 26 };

async function start() {
  const guest = (await Rig.create(2)).addGuest();
  park(guest.enter());
  const table = tables(guest);
  const handlers = (...list: [vector: number, address: number][]) =>
    guest.call(
      HC.trapTable,
      guest.write(guest.va(30), ...list.flatMap(([v, address]) => [v | KCS << 16, address]), 0, 0),
    );
  guest.call(HC.stackSwitch, KDS, guest.va(31));
  return { guest, table, handlers };
}

const USER = { cs: UCS, ss: UDS, esp: 0x5678 };
const FLAT = { ds: UDS, es: UDS, fs: 0, gs: 0 };

/** Words at the top of the kernel's stack after an entry from user mode. */
const frame = (guest: Guest, words: number) =>
  Array.from({ length: words }, (_, n) => guest.read(registers(guest).esp + n * 4) >>> 0);

Deno.test("XSA-7: callbacks and iret to the hypervisor's addresses are the guest's own fault [xsa.7]", async () => {
  for (const target of [0xf6800000, 0xffe00000, 0xfffffff0]) {
    const { guest, handlers } = await start();
    handlers([13, spot(guest, 0)], [14, spot(guest, 1)]);
    guest.call(HC.callbacks, KCS, target, KCS, target);
    const push = (value: number) => [0x68, value, value >>> 8, value >>> 16, value >>> 24];
    const iret = [0x202, KCS, target, 0].flatMap(push).map((byte) => byte & 0xff);
    const kernel = { cs: KCS, ss: KDS, esp: guest.va(25) };
    loadSelectors(guest, { ds: KDS, es: KDS, fs: 0, gs: 0 }, kernel, [
      ...iret,
      ...[0xb8, 23, 0, 0, 0, 0xcd, 0x82],
    ]);
    assert.equal(registers(guest).eip, spot(guest, 1));
    assert.deepEqual([frame(guest, 2)[1], registers(guest).cpl], [target, 1]);
    assert.equal(guest.state, 1);
  }
});

Deno.test("XSA-213: a list of calls ends with the iret that leaves the kernel [xsa.213]", async () => {
  const { guest } = await start();
  const stack = guest.write(guest.va(26), 0xaaaa, 0x1000, UCS, 0x202, 0x5678, UDS);
  guest.rig.core.view().setBigUint64(CPU + R_SP, BigInt(stack), true);
  const list = guest.va(10);
  const entry = (n: number, op: number, ...args: number[]) =>
    guest.write(list + n * 32, ...[op, 0x77777777, ...args, 0, 0, 0, 0, 0].slice(0, 8));
  entry(0, 17, 7); // xen_version: page size
  entry(1, 23);
  entry(2, 17, 7);
  guest.call(HC.multicall, list, 3);
  assert.equal(registers(guest).cpl, 3);
  assert.deepEqual([0, 1, 2].map((n) => guest.read(list + n * 32 + 4)), [4096, 0xaaaa, 0x77777777]);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("XSA-298: what lies beyond a table's limit is no descriptor, nor a gate [xsa.298]", async () => {
  const { guest, table, handlers } = await start();
  handlers([13, spot(guest, 0)]);
  const gate: [number, number] = [
    7 * 8 << 16 | spot(guest, 1) & 0xffff,
    (spot(guest, 1) & 0xffff0000 | 0xec00) >>> 0,
  ];
  const call = (selector: number) => [0x9a, 0, 0, 0, 0, selector & 0xff, selector >>> 8];
  table.gdt(7, descriptor(0xcfbb00));
  table.ldt(6, descriptor(0xcff300));
  // its page becomes a descriptor table, and is checked, with the first selector of it
  loadSelectors(guest, { ds: KDS, es: KDS, fs: 6 * 8 | 7, gs: 0 });
  table.ldt(5, gate);
  loadSelectors(guest, FLAT, USER, call(5 * 8 | 7));
  assert.equal(registers(guest).eip, spot(guest, 1), "within the limit it works");
  const op = guest.write(guest.va(30), 13, guest.va(21), 5);
  assert.equal(guest.call(HC.mmuext, op, 1, 0, SELF), 0);
  handlers([13, spot(guest, 0)]);
  loadSelectors(guest, FLAT, USER, call(5 * 8 | 7));
  assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 5 * 8 | 4]);
  loadSelectors(guest, FLAT, USER, [0xb8, 6 * 8 | 7, 0, 0, 0, 0x8e, 0xd8]); // mov %ax, %ds
  assert.deepEqual([registers(guest).eip, frame(guest, 1)[0]], [spot(guest, 0), 6 * 8 | 4]);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("XSA-339: one SYSENTER, one exception, with NT and TF set or not [xsa.339] [trap.sysenter]", async () => {
  for (const flags of [0x202, 0x4202, 0x302, 0x4302]) {
    const { guest, handlers } = await start();
    handlers([6, spot(guest, 0)], [13, spot(guest, 1)], [1, spot(guest, 2)]);
    const set = [0x68, flags & 0xff, flags >>> 8, 0, 0, 0x9d]; // push flags; popf
    const user = { ...USER, esp: guest.va(22, 0xff0) }; // the code's page is the user's
    loadSelectors(guest, FLAT, user, [...set, 0x0f, 0x34]);
    const { eip, esp, cpl } = registers(guest);
    const trapped = flags & 0x100 ? spot(guest, 2) : spot(guest, 0);
    assert.equal(cpl, 1);
    assert.ok(eip === spot(guest, 0) || eip === trapped);
    assert.equal(esp, guest.va(31) - 20, "one frame");
  }
});

Deno.test("XSA-227: a grant is not mapped over half of one entry and half of the next [xsa.227]", async () => {
  const { guest } = await start();
  const list = guest.va(5, 64);
  const setup = guest.write(guest.va(5), SELF, 1, 0, list);
  assert.equal(guest.call(20, 2, setup, 1), 0);
  const mfn = guest.read(list);
  assert.equal(guest.call(14, guest.va(33), mfn << 12 | 0x63, mfn >>> 20, 2), 0);
  guest.mfns[33] = mfn;
  guest.write(guest.va(33, 9 * 8), 1 | guest.domid << 16, guest.mfns[34]);
  const before = guest.read64(guest.va(2, 40 * 8));
  for (let skew = 0; skew < 8; skew++) {
    const at = guest.mfns[2] * 4096 + 40 * 8 + skew;
    const op = guest.write(guest.va(5), at, 0, 2 | 16, 9, guest.domid | 77 << 16, 0, 0, 0);
    assert.equal(guest.call(20, 0, op, 1), 0);
    assert.equal(guest.read(op + 16) >> 16, skew === 0 ? 0 : -1);
    if (skew) assert.equal(guest.read64(guest.va(2, 40 * 8)), before);
    else {
      const handle = guest.read(op + 20);
      const undo = guest.write(guest.va(5), at, 0, 0, 0, handle, 77);
      assert.equal(guest.call(20, 1, undo, 1), 0);
      assert.equal(guest.call(14, guest.va(40), Number(before & 0xffffffffn), 0, 2), 0);
    }
  }
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});
