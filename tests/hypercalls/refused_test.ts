/** Hypercalls for toolstacks, other builds and other kinds of domain: the errors of an unprivileged PV domain. */
import assert from "node:assert/strict";
import { BAD_POINTERS, type Guest, Rig } from "./rig.ts";

const EPERM = -1, ESRCH = -3, E2BIG = -7, EACCES = -13, EFAULT = -14, ENOSYS = -38, ENODATA = -61;
const EOPNOTSUPP = -95;
const PAGE = 20;

async function start(guests = 1): Promise<Guest> {
  const rig = await Rig.create(guests);
  const guest = rig.addGuest();
  for (let n = 1; n < guests; n++) rig.addGuest();
  return guest.enter();
}

/** The same answer whatever the arguments. */
async function always(expected: number, ...numbers: number[]) {
  const guest = await start();
  for (const nr of numbers) {
    for (const args of [[], [0, guest.va(PAGE), 1], [7, 0xf5800000, 0xffffffff, 1, 2]]) {
      assert.equal(guest.call(nr, ...args), expected, `${nr}(${args})`);
    }
  }
  assert.equal(guest.state, 1);
}

Deno.test(
  "what this hypervisor was built without, and numbers that mean nothing " +
    "[xsm_op] [xenoprof_op] [tmem_op] [argo_op] [set_segment_base] [hypercall.unknown] [errno.ENOSYS]",
  () =>
    always(ENOSYS, 11, 25, 27, 31, 38, 39, 43, 44, 45, 46, 47, 50, 55, 63, 64, 0x1000, 0xffffffff),
);

Deno.test("for the hardware domain alone [kexec_op] [hypfs_op] [mca] [errno.EPERM]", () =>
  always(EPERM, 37, 42, 48));

Deno.test(
  "virtual performance counters and shadow tables " +
    "[xenpmu_op] [paging_domctl_cont] [errno.EOPNOTSUPP]",
  () => always(EOPNOTSUPP, 40, 49),
);

Deno.test(
  "interface versions come before rights " +
    "[platform_op] [sysctl] [domctl] [errno.EFAULT] [errno.EACCES] [errno.EPERM]",
  async () => {
    const guest = await start();
    for (const [nr, version] of [[7, 0x03000001], [35, 0x15], [36, 0x15]]) {
      for (const cmd of [0, 1, 2, 17, 64, 0xffffffff]) {
        const at = (v: number) => guest.write(guest.va(PAGE), cmd, v, 0);
        assert.equal(guest.call(nr, at(version)), EPERM, `${nr} ${cmd}`);
        for (const other of [0, version - 1, version + 1, 0xffffffff]) {
          assert.equal(guest.call(nr, at(other)), EACCES, `${nr} ${cmd} ${other}`);
        }
      }
      for (const bad of BAD_POINTERS) assert.equal(guest.call(nr, bad), EFAULT);
      // the structure is read whole: the last words of a page that has no neighbour are too few
      assert.equal(guest.call(nr, guest.va(95, 4096 - 64)), EFAULT);
    }
  },
);

Deno.test("domctl looks its domain up before it refuses [domctl] [errno.ESRCH] [errno.EPERM]", async () => {
  const guest = await start(2);
  const domctl = (cmd: number, domid: number) =>
    guest.call(36, guest.write(guest.va(PAGE), cmd, 0x15, domid));
  const PAUSE = 3, CREATE = 1, GETINFO = 5;
  for (const known of [0, guest.domid, guest.domid + 1]) assert.equal(domctl(PAUSE, known), EPERM);
  for (const none of [guest.domid + 2, 0x7fef, 1234]) assert.equal(domctl(PAUSE, none), ESRCH);
  for (const cmd of [CREATE, GETINFO]) assert.equal(domctl(cmd, 1234), EPERM);
});

Deno.test(
  "dm_op counts and reads its buffers, then refuses " +
    "[dm_op] [errno.E2BIG] [errno.ENODATA] [errno.EFAULT] [errno.ESRCH] [errno.EPERM]",
  async () => {
    const guest = await start(2);
    const buffers = guest.write(guest.va(PAGE), guest.va(PAGE, 64), 64, guest.va(PAGE, 128), 64);
    const dm = (domid: number, count: number, at = buffers) => guest.call(41, domid, count, at);
    assert.deepEqual([3, 4, 0xffffffff].map((n) => dm(0, n)), [E2BIG, E2BIG, E2BIG]);
    assert.equal(dm(0, 0), ENODATA);
    for (const bad of BAD_POINTERS) assert.equal(dm(0, 2, bad), EFAULT);
    for (const known of [0, guest.domid, guest.domid + 1]) assert.equal(dm(known, 1), EPERM);
    assert.equal(dm(1234, 1), ESRCH);
  },
);
