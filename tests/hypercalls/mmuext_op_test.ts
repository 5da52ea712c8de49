/** mmuext_op as a list, and the operations that are refused (pins, flushes and pages: tests/pagetables). */
import assert from "node:assert/strict";
import { BASE, type Guest, HOLE, PAGES, Rig, SELF, UNMAPPED } from "./rig.ts";

const EACCES = -13, EFAULT = -14, EINVAL = -22, ENOSYS = -38, EOPNOTSUPP = -95;
const MMUEXT = 26;
const TLB_FLUSH_LOCAL = 6, INVLPG_LOCAL = 7, FLUSH_MULTI = 8, INVLPG_MULTI = 9, INVLPG_ALL = 11;
const FLUSH_CACHE = 12,
  NEW_USER_BASEPTR = 15,
  CLEAR = 16,
  CACHE_GLOBAL = 18,
  MARK = 19,
  UNMARK = 20;

async function start() {
  const guest = (await Rig.create(1)).addGuest().enter();
  const list = (...ops: number[][]) =>
    guest.write(guest.va(20), ...ops.flatMap((op) => [...op, 0, 0].slice(0, 3)));
  const one = (...op: number[]) => guest.call(MMUEXT, list(op), 1, 0, SELF);
  return { guest, list, one };
}
const done = (guest: Guest) => guest.read(guest.va(21));

Deno.test("mmuext_op: operations that no domU has [mmuext_op.flush_cache] [mmuext_op.flush_cache_global] [mmuext_op.mark_super] [mmuext_op.unmark_super] [mmuext_op.mmuext_14] [mmuext_op.new_user_baseptr] [mmuext_op] [errno.EACCES] [errno.EOPNOTSUPP] [errno.ENOSYS]", async () => {
  const { guest, one } = await start();
  assert.equal(one(FLUSH_CACHE), EACCES);
  assert.deepEqual([one(CACHE_GLOBAL), one(NEW_USER_BASEPTR, guest.mfns[0])], [EINVAL, EINVAL]);
  assert.deepEqual([one(MARK), one(UNMARK)], [EOPNOTSUPP, EOPNOTSUPP]);
  for (const cmd of [14, 21, 22, 100, 0xffffffff]) assert.equal(one(cmd), ENOSYS);
});

Deno.test("mmuext_op: any address is flushed, no bitmap that cannot be read [mmuext_op.invlpg_local] [mmuext_op.invlpg_all] [mmuext_op.invlpg_multi] [mmuext_op.tlb_flush_multi] [errno.mmuext_op.EINVAL]", async () => {
  const { guest, one } = await start();
  for (const address of [0, UNMAPPED, HOLE, 0xffffffff]) {
    assert.deepEqual([one(INVLPG_LOCAL, address), one(INVLPG_ALL, address)], [0, 0]);
  }
  for (const bits of [0, 1, 0xffffffff]) {
    const map = guest.write(guest.va(22), bits);
    assert.deepEqual([one(FLUSH_MULTI, 0, map), one(INVLPG_MULTI, guest.va(5), map)], [0, 0]);
  }
  for (const bad of [UNMAPPED, HOLE, 0xfffffffd]) {
    assert.deepEqual([one(FLUSH_MULTI, 0, bad), one(INVLPG_MULTI, guest.va(5), bad)], [
      EINVAL,
      EINVAL,
    ]);
  }
});

Deno.test("mmuext_op: a list stops at its first error, and says how far it came [mmuext_op.done] [mmuext_op] [errno.EINVAL] [errno.EFAULT]", async () => {
  const { guest, list } = await start();
  const call = (at: number, count: number, foreign = SELF) => {
    guest.write(guest.va(21), 77);
    return guest.call(MMUEXT, at, count, guest.va(21), foreign);
  };
  guest.write(guest.va(30), 1);
  guest.write(guest.va(31), 1);
  const ops = list([TLB_FLUSH_LOCAL], [CLEAR, guest.mfns[30]], [CLEAR, guest.mfns[2]], [
    CLEAR,
    guest.mfns[31],
  ]);
  assert.deepEqual([call(ops, 4), done(guest)], [EINVAL, 2]);
  assert.deepEqual([guest.read(guest.va(30)), guest.read(guest.va(31))], [0, 1]);
  assert.deepEqual([call(ops, 2), done(guest)], [0, 2]);
  assert.deepEqual([call(ops, 0), done(guest)], [0, 77], "nothing is said of nothing");
  assert.deepEqual([call(ops, 1, 1234), done(guest)], [-3, 77], "nor of a refused owner");
  // over the end of what is mapped
  const last = BASE + PAGES * 4096 - 12;
  guest.write(last, TLB_FLUSH_LOCAL, 0, 0);
  assert.deepEqual([call(last, 2), done(guest)], [EFAULT, 1]);
  for (const bad of [UNMAPPED, HOLE]) assert.equal(call(bad, 1), EFAULT);
  assert.equal(guest.call(MMUEXT, ops, 1, HOLE, SELF), 0, "done is optional");
});
