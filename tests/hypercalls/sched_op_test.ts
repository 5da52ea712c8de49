/** sched_op and its first form: what they answer, and how a domain ends by them. */
import assert from "node:assert/strict";
import { BAD_POINTERS, type Guest, Rig } from "./rig.ts";

const EPERM = -1, ESRCH = -3, EFAULT = -14, EINVAL = -22, ENOSYS = -38, ENOSPC = -28;
const SCHED_OP = 29, COMPAT = 6;
const YIELD = 0, BLOCK = 1, SHUTDOWN = 2, POLL = 3, REMOTE = 4, CODE = 5, WATCHDOG = 6, PIN = 7;
const ENDED = 2;

async function start(guests = 1): Promise<Guest> {
  const rig = await Rig.create(guests);
  const all = Array.from({ length: guests }, () => rig.addGuest());
  return all[0].enter();
}
const at = (guest: Guest, ...words: number[]) => guest.write(guest.va(20), ...words);

Deno.test(
  "sched_op: yield takes no argument and lets another run " +
    "[sched_op.yield] [sched_op_compat.yield]",
  async () => {
    const guest = await start(2);
    for (const nr of [SCHED_OP, COMPAT]) {
      for (const arg of [0, 0xf5800000]) {
        assert.equal(guest.enter().call(nr, YIELD, arg), 0);
        assert.ok(guest.stopped);
        guest.rig.inside.slice_end();
        guest.rig.inside.slice_begin(0n, 1000);
        assert.notEqual(guest.rig.inside.inspect_current() >> 16, guest.domid);
      }
    }
  },
);

Deno.test(
  "sched_op: block by either number unmasks, and waits if nothing is pending " +
    "[sched_op.block] [sched_op_compat.block] [event.block]",
  async () => {
    for (const nr of [SCHED_OP, COMPAT]) {
      for (const pending of [0, 1]) {
        const guest = await start();
        guest.setSharedByte(0, pending);
        guest.setSharedByte(1, 1);
        assert.equal(guest.call(nr, BLOCK), 0);
        assert.deepEqual([guest.sharedByte(1), guest.stopped], [0, !pending]);
      }
    }
  },
);

Deno.test(
  "sched_op: any reason ends the domain with that reason " +
    "[sched_op.shutdown] [sched_op_compat.shutdown]",
  async () => {
    for (const reason of [0, 1, 3, 4, 5, 6, 77, 255]) {
      for (const compat of [false, true]) {
        const guest = await start(2);
        if (compat) guest.call(COMPAT, SHUTDOWN, reason);
        else guest.call(SCHED_OP, SHUTDOWN, at(guest, reason));
        assert.deepEqual([guest.state, guest.code, guest.stopped], [ENDED, reason, true]);
        guest.rig.inside.slice_end();
        guest.rig.inside.slice_begin(0n, 1000);
        assert.notEqual(guest.rig.inside.inspect_current() >> 16, guest.domid);
      }
    }
  },
);

Deno.test(
  "sched_op: a code given beforehand is the reason, the first one " +
    "[sched_op.shutdown_code]",
  async () => {
    const guest = await start();
    assert.equal(guest.call(SCHED_OP, CODE, at(guest, 3)), 0);
    assert.equal(guest.call(SCHED_OP, CODE, at(guest, 1)), 0);
    assert.equal(guest.state, 1, "goes on");
    guest.call(SCHED_OP, SHUTDOWN, at(guest, 0));
    assert.deepEqual([guest.state, guest.code], [ENDED, 3]);
  },
);

Deno.test(
  "sched_op: for toolstacks, and what does not exist " +
    "[sched_op.remote_shutdown] [sched_op.pin_override] " +
    "[sched_op] [errno.EPERM] [errno.ESRCH] [errno.ENOSYS]",
  async () => {
    const guest = await start(2);
    const remote = (domid: number) => guest.call(SCHED_OP, REMOTE, at(guest, domid, 0));
    assert.deepEqual([0, guest.domid, guest.domid + 1].map(remote), [EPERM, EPERM, EPERM]);
    assert.deepEqual([guest.domid + 2, 1234, 0x7fff].map(remote), [ESRCH, ESRCH, ESRCH]);
    assert.equal(guest.call(SCHED_OP, PIN, at(guest, 0)), EPERM);
    for (const cmd of [8, 9, 100, 0xffffffff]) {
      assert.equal(
        guest.call(SCHED_OP, cmd, at(guest, 0)),
        ENOSYS,
      );
    }
    assert.equal(guest.state, 1);
  },
);

Deno.test("sched_op: structures that cannot be read [sched_op] [errno.EFAULT]", async () => {
  const guest = await start();
  for (const cmd of [SHUTDOWN, POLL, REMOTE, CODE, WATCHDOG, PIN]) {
    for (const bad of BAD_POINTERS) assert.equal(guest.call(SCHED_OP, cmd, bad), EFAULT, `${cmd}`);
  }
  assert.equal(guest.state, 1);
});

Deno.test(
  "sched_op: poll's ports and watchdog numbers " +
    "[sched_op.poll] [sched_op.watchdog] [sched_op] [errno.EINVAL] [errno.ENOSPC]",
  async () => {
    const guest = await start();
    const poll = (count: number, ...ports: number[]) => {
      guest.write(guest.va(21), ...ports);
      return guest.call(SCHED_OP, POLL, at(guest, guest.va(21), count, 1, 0));
    };
    assert.deepEqual(
      [poll(129), poll(0xffffffff), poll(1, 0), poll(1, 50), poll(1, 5000)],
      Array(5).fill(EINVAL),
    );
    assert.equal(poll(0), 0);
    const watchdog = (id: number, seconds: number) =>
      guest.call(SCHED_OP, WATCHDOG, at(guest, id, seconds));
    assert.deepEqual([watchdog(0, 9), watchdog(0, 9), watchdog(0, 9)], [1, 2, ENOSPC]);
    assert.deepEqual([watchdog(3, 9), watchdog(1, 0), watchdog(1, 9)], [EINVAL, 0, EINVAL]);
  },
);

Deno.test("sched_op_compat: nothing beyond shutdown [sched_op_compat] [errno.ENOSYS]", async () => {
  const guest = await start();
  for (const cmd of [3, 4, 5, 6, 7, 77, 0xffffffff]) {
    assert.equal(guest.call(COMPAT, cmd, 0), ENOSYS);
  }
});
