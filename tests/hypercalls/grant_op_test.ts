/** grant_table_op but for lists of grants: tables, versions, sizes, and who may ask for whose. */
import assert from "node:assert/strict";
import { BAD_POINTERS, BASE, type Guest, PAGES, Rig, SELF } from "./rig.ts";

const EPERM = -1, ESRCH = -3, EFAULT = -14, EINVAL = -22, ENOSYS = -38;
const GRANT = 20;
const SETUP = 2, QUERY = 6, SET_VERSION = 8, STATUS_FRAMES = 9, GET_VERSION = 10, CACHE_FLUSH = 12;
const OKAY = 0, GENERAL = -1, BAD_DOMAIN = -2, BAD_VIRT_ADDR = -5, DENIED = -8;

async function start(options = 0) {
  const rig = await Rig.create(2);
  const guest = rig.addGuest({ options });
  const other = rig.addGuest();
  guest.enter();
  const op = (cmd: number, count: number, ...words: number[]) =>
    guest.call(GRANT, cmd, guest.write(guest.va(20), ...words), count);
  return { rig, guest, other, op };
}
const s16 = (guest: Guest, offset: number) => guest.read(guest.va(20, offset)) << 16 >> 16;

Deno.test("setup_table: frames in order, the same ones each time, of its own table [grant_table_op.setup_table] [grant_table_op] [errno.EINVAL] [errno.EFAULT]", async () => {
  const { rig, guest, other, op } = await start();
  const setup = (domid: number, frames: number, list = guest.va(21)) => {
    const result = op(SETUP, 1, domid, frames, 0x7777, list);
    return result || s16(guest, 8);
  };
  const list = (n: number) => Array.from({ length: n }, (_, i) => guest.read(guest.va(21, i * 4)));
  assert.equal(setup(SELF, 4), OKAY);
  const first = list(4);
  assert.equal(new Set(first).size, 4);
  assert.equal(setup(guest.domid, 2), OKAY);
  assert.deepEqual(list(2), first.slice(0, 2));
  assert.equal(setup(SELF, 0), OKAY);
  assert.deepEqual([setup(SELF, 65), setup(SELF, 100_000)], [GENERAL, GENERAL]);
  assert.deepEqual([setup(other.domid, 1), setup(0, 1), setup(1234, 1)], [
    DENIED,
    DENIED,
    BAD_DOMAIN,
  ]);
  assert.deepEqual([op(SETUP, 0, SELF, 1, 0, 0), op(SETUP, 2, SELF, 1, 0, 0)], [0, EINVAL]);
  // a list in the hypervisor's range is found before anything else; one that is not mapped, in the end
  for (const [domid, frames] of [[SELF, 4], [1234, 4], [SELF, 0x3fffffff], [SELF, 0xffffffff]]) {
    assert.equal(setup(domid, frames, 0xf5800000 - 12), EFAULT);
    assert.equal(guest.read(guest.va(20, 8)), 0x7777, "no status");
  }
  assert.equal(setup(SELF, 0, 0xf5800000), EFAULT);
  assert.equal(setup(SELF, 0x40000001), EFAULT, "as many as come round to one");
  assert.deepEqual([setup(SELF, 3, 0xf5800000 - 12), setup(SELF, 4, 0x400000)], [
    BAD_VIRT_ADDR,
    BAD_VIRT_ADDR,
  ]);
  const end = BASE + PAGES * 4096;
  assert.equal(setup(SELF, 4, end - 8), BAD_VIRT_ADDR);
  assert.deepEqual([guest.read(end - 8), guest.read(end - 4)], first.slice(0, 2));
  for (const frame of first) {
    const [low, high] = [frame << 12 | 0x63, frame >>> 20];
    assert.equal(guest.call(14, guest.va(22), low, high, 2), 0, "the guest may map them");
  }
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("query_size and get_version: of oneself [grant_table_op.query_size] [grant_table_op.get_version] [grant_table_op] [errno.EINVAL] [errno.EPERM] [errno.ESRCH]", async () => {
  const { guest, other, op } = await start();
  const query = (domid: number) => op(QUERY, 1, domid, 0, 0, 0x7777) || s16(guest, 12);
  assert.equal(query(SELF), OKAY);
  assert.equal(guest.read(guest.va(20, 8)), 64);
  assert.deepEqual([query(other.domid), query(0), query(1234)], [DENIED, DENIED, BAD_DOMAIN]);
  assert.deepEqual([op(QUERY, 0, SELF), op(QUERY, 2, SELF)], [EINVAL, EINVAL]);
  const version = (domid: number) => op(GET_VERSION, 1, domid, 0) || guest.read(guest.va(20, 4));
  assert.deepEqual([version(SELF), version(guest.domid)], [1, 1]);
  assert.deepEqual([version(other.domid), version(0), version(1234)], [EPERM, EPERM, ESRCH]);
  assert.equal(op(GET_VERSION, 2, SELF, 0), 0, "no list, whatever the count");
});

Deno.test("set_version: 2 where the option allows it [grant_table_op.set_version] [grant_table_op.get_status_frames] [option.gnttab_v2] [grant_table_op] [errno.EINVAL] [errno.ENOSYS]", async () => {
  for (const options of [0, 8]) {
    const { guest, op } = await start(options);
    const set = (version: number) => op(SET_VERSION, 1, version);
    assert.deepEqual([set(0), set(3), set(0xffffffff)], [EINVAL, EINVAL, EINVAL]);
    assert.equal(guest.read(guest.va(20)), 1, "told what it is");
    assert.deepEqual([op(SET_VERSION, 2, 1), set(1)], [0, 0]);
    assert.equal(set(2), options ? 0 : ENOSYS);
    assert.equal(guest.read(guest.va(20)), options ? 2 : 1);
    op(GET_VERSION, 1, SELF, 0);
    assert.equal(guest.read(guest.va(20, 4)), options ? 2 : 1);
    // the word behind the structure is none of it
    const status = (frames: number, list = guest.va(21), domid = SELF) =>
      op(STATUS_FRAMES, 1, frames, domid | 0x7777 << 16, list, 0x12345678) || s16(guest, 6);
    assert.equal(op(SETUP, 1, SELF, 1, 0, guest.va(21)), 0);
    assert.deepEqual([status(0), status(1)], [OKAY, options ? OKAY : GENERAL]);
    assert.equal(status(1000), GENERAL);
    assert.equal(op(STATUS_FRAMES, 0, 1, SELF, guest.va(21)), 0);
    assert.equal(op(STATUS_FRAMES, 2, 1, SELF, guest.va(21)), EINVAL);
    assert.equal(status(1, 0x400000), options ? BAD_VIRT_ADDR : GENERAL);
    for (
      const [frames, list] of [[1, 0xf5800000 - 4], [0x20000001, guest.va(21)], [0, 0xfffff000]]
    ) {
      assert.equal(status(frames, list), EFAULT);
      assert.equal(status(frames, list, 1234), EFAULT, "whoever's");
    }
  }
});

Deno.test("dump_table, and numbers that mean nothing [grant_table_op.dump_table] [grant_table_op.unknown] [grant_table_op] [errno.ENOSYS]", async () => {
  const { op } = await start();
  for (const cmd of [3, 13, 14, 100, 0xffffffff]) {
    for (const count of [0, 1]) assert.equal(op(cmd, count, SELF), ENOSYS);
  }
});

Deno.test("cache_flush: within a page; nothing is ever flushed for a guest without devices [grant_table_op.cache_flush] [grant_table_op] [errno.EINVAL] [errno.EPERM]", async () => {
  const { op } = await start();
  const flush = (offset: number, length: number, what: number) =>
    op(CACHE_FLUSH, 1, 0, 0, offset | length << 16, what);
  assert.deepEqual([flush(4096, 0, 1), flush(1, 4096, 1), flush(0, 4097, 1)], [
    EINVAL,
    EINVAL,
    EINVAL,
  ]);
  assert.deepEqual([flush(0, 0, 1), flush(0, 4096, 0)], [0, 0]);
  assert.equal(flush(0, 4096, 1), EPERM);
});

Deno.test("grant_table_op: structures that cannot be read, negative counts [grant_table_op] [errno.EFAULT] [errno.EINVAL]", async () => {
  const { guest, op } = await start();
  for (const cmd of [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
    for (const bad of BAD_POINTERS) assert.equal(guest.call(GRANT, cmd, bad, 1), EFAULT, `${cmd}`);
    for (const count of [0x80000000, 0xffffffff]) assert.equal(op(cmd, count, 0), EINVAL);
  }
  for (const cmd of [0, 1, 4, 5, 7, 11, 12]) {
    assert.equal(guest.call(GRANT, cmd, 0, 0), 0, "no element");
  }
});
