/** multicall: lists of any length, unreadable ones, nested ones, and what ends them. */
import assert from "node:assert/strict";
import { C_INSN_EIP, CPU, R_BX, R_CX } from "../../core/wasm/layout.ts";
import { BASE, type Guest, HOLE, PAGES, Rig, UNMAPPED } from "./rig.ts";

const MULTICALL = 13, XEN_VERSION = 17, SCHED_OP_COMPAT = 6, UPDATE_VA_MAPPING = 14;
const PAGESIZE = 7;

function entry(guest: Guest, page: number, n: number, op: number, ...args: number[]): void {
  const words = [op, 0x77777777, ...args, 0, 0, 0, 0, 0, 0].slice(0, 8);
  guest.write(guest.va(page, n * 32), ...words);
}
const result = (guest: Guest, page: number, n: number) =>
  guest.read(guest.va(page, n * 32 + 4)) | 0;

Deno.test("results are written entry by entry, also of what fails [multicall] [errno.ENOSYS] [errno.EINVAL]", async () => {
  const guest = (await Rig.create()).addGuest().enter();
  entry(guest, 10, 0, XEN_VERSION, PAGESIZE);
  entry(guest, 10, 1, 99);
  entry(guest, 10, 2, MULTICALL, guest.va(10), 1);
  entry(guest, 10, 3, XEN_VERSION, 6, HOLE);
  entry(guest, 10, 4, XEN_VERSION, PAGESIZE);
  assert.equal(guest.call(MULTICALL, guest.va(10), 5), 0);
  assert.deepEqual([0, 1, 2, 3, 4].map((n) => result(guest, 10, n)), [4096, -38, -22, -14, 4096]);
});

Deno.test("a list that cannot be read or written stops with -EFAULT, and the door stays shut [multicall] [errno.EFAULT]", async () => {
  const guest = (await Rig.create()).addGuest().enter();
  for (const bad of [UNMAPPED, HOLE, 0xfffffff0, BASE + PAGES * 4096]) {
    assert.equal(guest.call(MULTICALL, bad, 1), -14);
    assert.equal(guest.call(MULTICALL, bad, 0), 0);
  }
  entry(guest, PAGES - 1, 127, XEN_VERSION, PAGESIZE);
  assert.equal(guest.call(MULTICALL, guest.va(PAGES - 1, 127 * 32), 2), -14);
  assert.equal(result(guest, PAGES - 1, 127), 4096);
  assert.equal(guest.call(MULTICALL, guest.va(2), 1), -14); // the L1 itself, read-only
  entry(guest, 10, 0, XEN_VERSION, PAGESIZE);
  assert.equal(guest.call(MULTICALL, guest.va(10), 1), 0); // not "nested" after a failure
});

Deno.test("a call that takes the list away gets no result, those before it have theirs [multicall] [errno.EFAULT]", async () => {
  const INVLPG = 2;
  for (const flags of [0, 0x61]) { // gone, or read-only
    const guest = (await Rig.create()).addGuest().enter();
    // once before, so that the list's page is one that the hypervisor writes to without a walk
    entry(guest, 10, 0, XEN_VERSION, PAGESIZE);
    entry(guest, 10, 1, XEN_VERSION, PAGESIZE);
    assert.equal(guest.call(MULTICALL, guest.va(10), 2), 0);
    assert.equal(result(guest, 10, 1), 4096);
    const low = flags && (guest.mfns[10] << 12 | flags);
    entry(guest, 10, 0, XEN_VERSION, PAGESIZE);
    entry(guest, 10, 1, UPDATE_VA_MAPPING, guest.va(10), low, 0, INVLPG);
    entry(guest, 10, 2, XEN_VERSION, PAGESIZE);
    assert.equal(guest.call(MULTICALL, guest.va(10), 3), -14);
    assert.deepEqual([0, 1, 2].map((n) => result(guest, 10, n)), [4096, 0x77777777, 0x77777777]);
  }
});

Deno.test("a long list is cut into pieces that add up", async () => {
  const rig = await Rig.create();
  const guest = rig.addGuest().enter();
  const total = 1500; // nearly 12 pages
  for (let n = 0; n < total; n++) entry(guest, 10, n, XEN_VERSION, PAGESIZE);
  const view = () => rig.core.view();
  view().setBigUint64(CPU + C_INSN_EIP, BigInt(BASE + 0x1234), true);
  let [list, count, calls] = [guest.va(10), total, 0];
  for (;;) {
    calls++;
    const r = guest.call(MULTICALL, list, count);
    if (r !== MULTICALL) {
      assert.equal(r, 0);
      break;
    }
    [list, count] = [view().getUint32(CPU + R_BX, true), view().getUint32(CPU + R_CX, true)];
  }
  assert.ok(calls > 1);
  for (let n = 0; n < total; n++) assert.equal(result(guest, 10, n), 4096);
});

Deno.test("a long call in a list that cannot be written to is not gone on with [multicall] [errno.EFAULT]", async () => {
  const GRANT = 20, UNMAP = 1, MANY = 200;
  const guest = (await Rig.create()).addGuest().enter();
  const status = (n: number) => guest.read(guest.va(40, n * 24 + 20)) << 16 >> 16;
  for (let n = 0; n < MANY; n++) guest.write(guest.va(40, n * 24), 0, 0, 0, 0, 0xffff, 0x7777);
  entry(guest, 10, 0, GRANT, UNMAP, guest.va(40), MANY);
  entry(guest, 10, 1, XEN_VERSION, PAGESIZE);
  const low = guest.mfns[10] << 12;
  assert.equal(
    guest.call(UPDATE_VA_MAPPING, guest.va(10), low | 0x61, guest.mfns[10] >>> 20, 2),
    0,
  );
  assert.equal(guest.call(MULTICALL, guest.va(10), 2), -14);
  assert.deepEqual([status(0), status(MANY - 1)], [-4, 0x7777], "a part of it was done");
  assert.deepEqual([result(guest, 10, 0), result(guest, 10, 1)], [0x77777777, 0x77777777]);
  assert.deepEqual([guest.read(guest.va(10, 12)), guest.read(guest.va(10, 16))], [
    guest.va(40),
    MANY,
  ]);
  // a call that is made now is a new one
  assert.equal(guest.call(XEN_VERSION, PAGESIZE), 4096);
  assert.equal(
    guest.call(UPDATE_VA_MAPPING, guest.va(10), low | 0x63, guest.mfns[10] >>> 20, 2),
    0,
  );
  assert.equal(guest.call(MULTICALL, guest.va(10, 32), 1), 0);
  assert.equal(result(guest, 10, 1), 4096);
});

Deno.test("the end of the domain ends the list [multicall] [domain.crash]", async () => {
  const guest = (await Rig.create()).addGuest().enter();
  entry(guest, 10, 0, SCHED_OP_COMPAT, 2, 1); // reboot
  entry(guest, 10, 1, XEN_VERSION, PAGESIZE);
  guest.call(MULTICALL, guest.va(10), 2);
  assert.equal(result(guest, 10, 1), 0x77777777);
  assert.equal(guest.code, 1);
});
