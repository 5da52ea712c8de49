/** memory_op but for reservations and exchange (tests/frames): what is asked of it, and who may ask. */
import assert from "node:assert/strict";
import { BAD_POINTERS, type Guest, PAGES, Rig, SELF } from "./rig.ts";

const EPERM = -1, ESRCH = -3, EACCES = -13, EFAULT = -14, EINVAL = -22, ENOSYS = -38;
const EOPNOTSUPP = -95;
const MEMORY_OP = 12;
const RAM_PAGE = 2, CURRENT = 3, MAXIMUM = 4, MFN_LIST = 5, ADD = 7, MAP = 9, MACHINE_MAP = 10;
const MAPPING = 12, GPFN = 14, REMOVE = 15, SET_POD = 16, GET_POD = 17, FREED = 18, SHARED = 19;
const ADD_BATCH = 23, COMPAT_LIST = 25, VNUMA = 26, RESERVED_MAP = 27, ACQUIRE = 28;
const FILL = 0x77777777;

async function start(guests = 1) {
  const rig = await Rig.create(guests);
  const all = Array.from({ length: guests }, () => rig.addGuest());
  const guest = all[0].enter();
  const op = (cmd: number, ...words: number[]) =>
    guest.call(MEMORY_OP, cmd, guest.write(guest.va(20), ...words));
  return { rig, guest, op };
}

const words = (guest: Guest, page: number, n: number) =>
  Array.from({ length: n }, (_, i) => guest.read(guest.va(page, i * 4)) >>> 0);

Deno.test(
  "reservations are told of oneself alone " +
    "[memory_op.current_reservation] [memory_op.maximum_reservation] [memory_op.maximum_gpfn] " +
    "[memory_op.maximum_ram_page] [memory_op] [errno.EPERM] [errno.ESRCH] [errno.EFAULT]",
  async () => {
    const { guest, op } = await start(2);
    for (const own of [SELF, guest.domid]) {
      assert.deepEqual([CURRENT, MAXIMUM, GPFN].map((c) => op(c, own)), [PAGES, PAGES + 16, 0]);
    }
    for (const cmd of [CURRENT, MAXIMUM, GPFN]) {
      assert.deepEqual([0, guest.domid + 1, 1234].map((d) => op(cmd, d)), [EPERM, EPERM, ESRCH]);
      for (const bad of BAD_POINTERS.filter((b) => (b & 0xfff) !== 0xfff)) {
        assert.equal(guest.call(MEMORY_OP, cmd, bad), EFAULT);
      }
    }
    const last = guest.call(MEMORY_OP, RAM_PAGE, 0xf5800000);
    assert.ok(last >= Math.max(...guest.mfns), "its argument is not looked at");
  },
);

Deno.test(
  "the machine-to-phys table: where it is, and its frames, by either number " +
    "[memory_op.machphys_mapping] [memory_op.machphys_mfn_list] [memory_op.machphys_compat_mfn_list]",
  async () => {
    const { guest, op } = await start();
    assert.equal(op(MAPPING, FILL, FILL, FILL, FILL), 0);
    assert.deepEqual(words(guest, 20, 4), [0xf5800000, 0xffe00000, 0xa600000 / 4 - 1, FILL]);
    const lists = [MFN_LIST, COMPAT_LIST].map((cmd) => {
      guest.write(guest.va(21), FILL, FILL, FILL);
      assert.equal(op(cmd, 0, guest.va(21), FILL), 0);
      assert.deepEqual(
        [words(guest, 20, 3)[2], words(guest, 21, 1)[0]],
        [0, FILL],
        "room for none",
      );
      assert.equal(op(cmd, 1, guest.va(21), FILL), 0);
      assert.equal(words(guest, 20, 3)[2], 1);
      assert.equal(words(guest, 21, 2)[1], FILL);
      assert.equal(op(cmd, 1, 0x400000, 0), EFAULT);
      return words(guest, 21, 1)[0];
    });
    assert.equal(lists[0], lists[1]);
    assert.ok(lists[0] !== 0 && lists[0] !== FILL);
    for (const cmd of [MAPPING, MFN_LIST, COMPAT_LIST]) {
      for (const bad of BAD_POINTERS) assert.equal(guest.call(MEMORY_OP, cmd, bad), EFAULT);
    }
  },
);

Deno.test("memory_map: one range of RAM, as much as there is room for [memory_op.memory_map] [memory_op] [errno.EFAULT]", async () => {
  const { guest, op } = await start();
  guest.write(guest.va(21), ...Array(10).fill(FILL));
  assert.equal(op(MAP, 0, guest.va(21)), 0);
  assert.deepEqual([guest.read(guest.va(20)), guest.read(guest.va(21))], [0, FILL]);
  for (const room of [1, 4, 0xffffffff]) {
    assert.equal(op(MAP, room, guest.va(21)), 0);
    assert.equal(guest.read(guest.va(20)), 1);
    assert.deepEqual(words(guest, 21, 6), [0, 0, PAGES * 4096, 0, 1, FILL]);
  }
  assert.equal(op(MAP, 1, 0x400000), EFAULT);
  for (const bad of BAD_POINTERS) assert.equal(guest.call(MEMORY_OP, MAP, bad), EFAULT);
});

Deno.test(
  "for translated domains: refused once read " +
    "[memory_op.add_to_physmap] [memory_op.remove_from_physmap] [memory_op.add_to_physmap_batch] " +
    "[memory_op] [errno.EACCES] [errno.EPERM] [errno.ESRCH] [errno.EFAULT]",
  async () => {
    const { guest, op } = await start(2);
    for (const cmd of [ADD, REMOVE, ADD_BATCH]) {
      for (const own of [SELF, guest.domid]) {
        assert.equal(
          op(cmd, own, 0, 0, 0, 0, 0),
          EACCES,
          `${cmd}`,
        );
      }
      assert.deepEqual([0, guest.domid + 1, 1234].map((d) => op(cmd, d, 0, 0, 0)), [
        EPERM,
        EPERM,
        ESRCH,
      ]);
      for (const bad of BAD_POINTERS) assert.equal(guest.call(MEMORY_OP, cmd, bad), EFAULT);
    }
  },
);

Deno.test(
  "for the privileged, and what there is none of " +
    "[memory_op.machine_memory_map] [memory_op.set_pod_target] [memory_op.get_pod_target] " +
    "[memory_op.get_sharing_freed_pages] [memory_op.get_sharing_shared_pages] [memory_op.acquire_resource] " +
    "[memory_op.get_vnumainfo] [memory_op] [errno.EPERM] [errno.ESRCH] [errno.EINVAL] [errno.EFAULT]",
  async () => {
    const { guest, op } = await start(2);
    for (const cmd of [MACHINE_MAP, SET_POD, GET_POD]) {
      assert.equal(op(cmd, 1, guest.va(21), 0, 0, 0, 0), EPERM);
    }
    for (const cmd of [FREED, SHARED]) assert.equal(guest.call(MEMORY_OP, cmd, 0), 0);
    const acquire = (domid: number, pad = 0) => op(ACQUIRE, domid, 0, 1, pad, 0, 0, guest.va(21));
    assert.deepEqual([0, guest.domid, guest.domid + 1].map((d) => acquire(d)), [
      EPERM,
      EPERM,
      EPERM,
    ]);
    assert.deepEqual([acquire(1234), acquire(SELF), acquire(0, 1)], [ESRCH, ESRCH, EINVAL]);
    const vnuma = (domid: number) => op(VNUMA, domid, ...Array(9).fill(0));
    assert.deepEqual([SELF, guest.domid, 0, 1234, SELF | 1 << 16].map(vnuma), [
      EOPNOTSUPP,
      EOPNOTSUPP,
      EPERM,
      ESRCH,
      EINVAL,
    ]);
    for (const cmd of [MACHINE_MAP, SET_POD, GET_POD, VNUMA, ACQUIRE]) {
      for (const bad of BAD_POINTERS) {
        assert.equal(
          guest.call(MEMORY_OP, cmd, bad),
          EFAULT,
          `${cmd}`,
        );
      }
    }
  },
);

Deno.test("reserved_device_memory_map: 0 entries [memory_op.reserved_device_memory_map] [errno.memory_op.EINVAL] [errno.memory_op.EFAULT]", async () => {
  const { guest, op } = await start();
  for (const flags of [0, 1]) {
    assert.equal(op(RESERVED_MAP, flags, 7, guest.va(21), 0), 0);
    assert.deepEqual(words(guest, 20, 4), [flags, 0, guest.va(21), 0]);
  }
  assert.equal(op(RESERVED_MAP, 2, 0, guest.va(21), 0), EINVAL);
  assert.equal(op(RESERVED_MAP, 0, 1, 0xf57ffff9, 0), EFAULT);
  for (const bad of BAD_POINTERS) assert.equal(guest.call(MEMORY_OP, RESERVED_MAP, bad), EFAULT);
});

Deno.test("numbers of memory_op that mean nothing [memory_op.others] [memory_op] [errno.ENOSYS]", async () => {
  const { op } = await start();
  for (const cmd of [8, 13, 20, 21, 22, 24, 29, 40, 63]) assert.equal(op(cmd, 0), ENOSYS, `${cmd}`);
});
