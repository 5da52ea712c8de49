/** memory_op but for reservations and exchange (tests/frames): what is asked of it, and who may ask. */
import assert from "node:assert/strict";
import { BAD_POINTERS, BASE, type Guest, PAGES, Rig, SELF } from "./rig.ts";

const EPERM = -1, ESRCH = -3, EACCES = -13, EFAULT = -14, EINVAL = -22, ENOSYS = -38;
const EOPNOTSUPP = -95;
const MEMORY_OP = 12;
const RAM_PAGE = 2, CURRENT = 3, MAXIMUM = 4, MFN_LIST = 5, ADD = 7, MAP = 9, MACHINE_MAP = 10;
const MAPPING = 12,
  SET_MAP = 13,
  GPFN = 14,
  REMOVE = 15,
  SET_POD = 16,
  GET_POD = 17,
  FREED = 18,
  SHARED = 19;
const ADD_BATCH = 23, COMPAT_LIST = 25, VNUMA = 26, RESERVED_MAP = 27, ACQUIRE = 28;
const FILL = 0x77777777;
const BASE_END = BASE + PAGES * 4096;

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
  for (const cmd of [8, 20, 21, 22, 24, 29, 40, 63]) assert.equal(op(cmd, 0), ENOSYS, `${cmd}`);
});

Deno.test("set_memory_map: a domain's own, read back in part or whole [memory_op.set_memory_map] [memory_op.memory_map] [memory_op] [errno.EINVAL] [errno.EPERM] [errno.ESRCH] [errno.EFAULT] [errno.ENOSYS]", async () => {
  const { guest, op } = await start(2);
  const map = [0, 0, 0xa0000, 0, 1, 0x100000, 0, 0x500000, 0, 1, 0xfee00000, 0, 0x1000, 0, 2];
  guest.write(guest.va(22), ...map);
  const set = (domid: number, entries: number, at = guest.va(22)) =>
    op(SET_MAP, domid, entries, at);
  assert.deepEqual([set(0, 3), set(guest.domid + 1, 3), set(1234, 3)], [EPERM, EPERM, ESRCH]);
  assert.deepEqual([set(SELF, 1025), set(1234, 1025)], [EINVAL, EINVAL]);
  assert.deepEqual([set(SELF, 3), set(guest.domid, 3)], [0, 0]);
  assert.equal(set(SELF, 2, BASE_END - 20), EFAULT, "and the old one stays");
  for (const [room, n] of [[2, 2], [3, 3], [100, 3]]) {
    guest.write(guest.va(21), ...Array(16).fill(FILL));
    assert.equal(op(MAP, room, guest.va(21)), 0);
    assert.equal(guest.read(guest.va(20)), n);
    assert.deepEqual(words(guest, 21, 16), [
      ...map.slice(0, n * 5),
      ...Array(16 - n * 5).fill(FILL),
    ]);
  }
  // as long as it may be: over five pages, each way
  for (let n = 0; n < 1024 * 5; n++) guest.write(guest.va(40) + n * 4, n * 7);
  assert.equal(set(SELF, 1024, guest.va(40)), 0);
  assert.equal(op(MAP, 0xffffffff, guest.va(50, 2048)), 0);
  assert.equal(guest.read(guest.va(20)), 1024);
  for (let n = 0; n < 1024 * 5; n++) assert.equal(guest.read(guest.va(50, 2048) + n * 4), n * 7);
  assert.equal(set(SELF, 0), 0);
  assert.equal(op(MAP, 1, guest.va(21)), ENOSYS);
  for (const bad of BAD_POINTERS) assert.equal(guest.call(MEMORY_OP, SET_MAP, bad), EFAULT);
});

Deno.test("reservations: address widths, nodes, population on demand [memory_op.populate_physmap] [memory_op.increase_reservation]", async () => {
  const { guest, op } = await start();
  const reserve = (cmd: number, flags: number) => {
    guest.write(guest.va(21), 200);
    return op(cmd, guest.va(21), 1, 0, flags, SELF);
  };
  for (const cmd of [0, 6]) {
    assert.deepEqual([1, 12].map((bits) => reserve(cmd, bits)), [0, 0], "less than a page");
    assert.equal(reserve(cmd, 13), 0, "below 8 KiB there is none");
    assert.deepEqual([0, 31, 32, 64].map((bits) => reserve(cmd, bits)), [1, 1, 1, 1]);
    assert.deepEqual([1, 2, 64].map((node) => reserve(cmd, node << 8)), [1, 1, 1]);
    assert.deepEqual(
      [65, 128, 255].map((node) => reserve(cmd, node << 8)),
      [0, 0, 0],
      "no such node",
    );
    assert.deepEqual([reserve(cmd, 1 << 17 | 2 << 8)], [0], "exactly the second");
  }
  guest.write(guest.va(21), guest.mfns[60]);
  assert.deepEqual(
    [12, 31].map((bits) => op(1, guest.va(21), 1, 0, bits, SELF)),
    [0, 1],
    "giving back too",
  );
  assert.equal(reserve(6, 1 << 16), 0);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("exchange: widths and nodes of what is wanted [memory_op.exchange] [errno.memory_op.EINVAL]", async () => {
  const { guest, op } = await start();
  assert.equal(guest.call(14, guest.va(60), 0, 0, 2), 0); // its frame is unmapped
  const exchange = (flags: number) => {
    guest.write(guest.va(21), guest.mfns[60], 60);
    const [input, output] = [guest.va(21), guest.va(21, 4)];
    return op(11, input, 1, 0, 0, SELF, output, 1, 0, flags, SELF, 0);
  };
  assert.equal(exchange(65 << 8), EINVAL);
  assert.equal(exchange(13), -12, "below 8 KiB there is none");
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
  assert.equal(exchange(32), 0);
  assert.notEqual(guest.read(guest.va(21, 4)), 60);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});
