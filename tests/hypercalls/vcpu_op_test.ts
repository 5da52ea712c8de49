/** vcpu_op's smaller commands: timers, areas and NMIs, and each error (initialise, up and down: tests/domains). */
import assert from "node:assert/strict";
import { BAD_POINTERS, Rig } from "./rig.ts";

const ENOENT = -2, EFAULT = -14, EINVAL = -22, EEXIST = -17, ENXIO = -6, ENOSYS = -38;
const VCPU_OP = 24;
const INITIALISE = 0, UP = 1, IS_UP = 3, GET_RUNSTATE = 4, RUNSTATE_AREA = 5, PERIODIC = 6;
const STOP_PERIODIC = 7, SINGLESHOT = 8, STOP_SINGLESHOT = 9, VCPU_INFO = 10, NMI = 11;
const PHYSID = 12, TIME_AREA = 13;
const MS = 1_000_000;

async function start() {
  const rig = await Rig.create(2);
  const guest = rig.addGuest({ vcpus: 2 });
  const other = rig.addGuest();
  guest.enter();
  const op = (cmd: number, vcpu: number, ...words: number[]) =>
    guest.call(VCPU_OP, cmd, vcpu, words.length ? guest.write(guest.va(20), ...words) : 0);
  return { guest, other, op };
}

Deno.test(
  "vcpu_op: no such vCPU, whatever is asked; no such command " +
    "[vcpu_op.is_up] [vcpu_op] [errno.ENOENT] [errno.ENOSYS]",
  async () => {
    const { op } = await start();
    for (const none of [2, 31, 32, 0x80000000, 0xffffffff]) {
      for (let cmd = 0; cmd < 20; cmd++) assert.equal(op(cmd, none), ENOENT);
    }
    assert.deepEqual([op(IS_UP, 0), op(IS_UP, 1)], [1, 0]);
    for (const cmd of [14, 15, 100, 0xffffffff]) assert.equal(op(cmd, 0), ENOSYS);
  },
);

Deno.test("vcpu_op: pointers [vcpu_op] [errno.EFAULT]", async () => {
  const { guest } = await start();
  for (
    const cmd of [
      INITIALISE,
      GET_RUNSTATE,
      RUNSTATE_AREA,
      PERIODIC,
      SINGLESHOT,
      VCPU_INFO,
      TIME_AREA,
    ]
  ) {
    const vcpu = cmd === INITIALISE ? 1 : 0;
    for (const bad of BAD_POINTERS) {
      assert.equal(guest.call(VCPU_OP, cmd, vcpu, bad), EFAULT, `${cmd}`);
    }
  }
});

Deno.test(
  "vcpu_op: timers of the running vCPU alone, periods of a millisecond at least " +
    "[vcpu_op.set_periodic_timer] [vcpu_op.stop_periodic_timer] [vcpu_op.set_singleshot_timer] " +
    "[vcpu_op.stop_singleshot_timer] [vcpu_op] [errno.EINVAL]",
  async () => {
    const { op } = await start();
    assert.equal(op(PERIODIC, 0, MS - 1, 0), EINVAL);
    assert.equal(op(PERIODIC, 0, MS, 0), 0);
    assert.equal(op(PERIODIC, 0, 0, 0x40000000), EINVAL);
    assert.deepEqual([op(STOP_PERIODIC, 0), op(STOP_PERIODIC, 1)], [0, 0]);
    for (const flags of [0, 1]) {
      assert.equal(op(SINGLESHOT, 0, 0, 1, flags), 0, "in the past or not");
    }
    assert.equal(op(SINGLESHOT, 1, 0, 1, 0), EINVAL);
    assert.deepEqual([op(STOP_SINGLESHOT, 0), op(STOP_SINGLESHOT, 1)], [0, EINVAL]);
  },
);

Deno.test(
  "vcpu_op: up before initialise, initialise twice, NMIs with an argument, physical numbers " +
    "[vcpu_op.initialise] [vcpu_op.up] [vcpu_op.send_nmi] [vcpu_op.get_physid] " +
    "[vcpu_op] [errno.EINVAL] [errno.EEXIST]",
  async () => {
    const { guest, op } = await start();
    assert.equal(op(UP, 1), EINVAL);
    const initialise = (vcpu: number) => guest.call(VCPU_OP, INITIALISE, vcpu, guest.context());
    assert.deepEqual([initialise(1), initialise(1), initialise(0)], [0, EEXIST, EEXIST]);
    assert.equal(op(UP, 1), 0);
    assert.deepEqual([op(NMI, 1, 0), op(NMI, 1)], [EINVAL, 0]);
    assert.deepEqual([op(PHYSID, 0, 0, 0), op(PHYSID, 1)], [EINVAL, EINVAL]);
  },
);

Deno.test(
  "vcpu_op: runstate is told whole, and kept up to date where the guest wants it " +
    "[vcpu_op.get_runstate_info] [vcpu_op.register_runstate_memory_area] [time.runstate] " +
    "[errno.vcpu_op.EFAULT]",
  async () => {
    const { guest, other, op } = await start();
    /** Lets the other guest run, and comes back. */
    const away = () => {
      guest.call(29, 0);
      other.enter().call(29, 0);
      guest.enter();
    };
    const state = (at: number) => ({
      state: guest.read(at),
      entry: guest.read64(at + 4),
      times: [0, 1, 2, 3].map((n) => guest.read64(at + 12 + n * 8)),
    });
    assert.equal(op(GET_RUNSTATE, 1, 0), 0);
    assert.equal(state(guest.va(20)).state, 3, "offline");
    const area = guest.va(21, 100);
    assert.equal(
      op(RUNSTATE_AREA, 0, area, 0xffffffff),
      0,
      "only the low half of the handle counts",
    );
    away();
    const kept = state(area);
    assert.equal(kept.state, 0);
    assert.ok(kept.entry > 0n && kept.times[0] > 0n && kept.times[1] > 0n);
    assert.equal(op(RUNSTATE_AREA, 0, 0xf5800000 - 43, 0), EFAULT, "reaches the hypervisor");
    assert.equal(op(RUNSTATE_AREA, 0, 0x400000, 0), 0, "what is not mapped is found out silently");
    away();
    assert.deepEqual(state(area), kept, "no longer kept");
    assert.equal(op(RUNSTATE_AREA, 0, 0, 0), 0);
  },
);

Deno.test("vcpu_op: a second copy of the time [vcpu_op.register_vcpu_time_memory_area] [time.pvclock] [errno.vcpu_op.EFAULT]", async () => {
  const { guest, op } = await start();
  const area = guest.va(21, 64);
  assert.equal(op(TIME_AREA, 0, area, 0), 0);
  guest.rig.turn();
  guest.enter();
  const [own, copy] = [
    Array.from({ length: 8 }, (_, n) => guest.shared(0x20 + n * 4)),
    Array.from(
      { length: 8 },
      (_, n) => guest.read(area + n * 4),
    ),
  ];
  assert.deepEqual(copy.slice(2), own.slice(2));
  assert.equal(copy[0] & 1, 0, "not in change");
  assert.equal(op(TIME_AREA, 0, 0xf5800000 - 31, 0), EFAULT);
});

Deno.test("vcpu_op: where a vcpu_info may be [vcpu_op.register_vcpu_info] [vcpu_op] [errno.ENXIO] [errno.EINVAL]", async () => {
  const { guest, op } = await start();
  const register = (page: number, offset: number) =>
    op(VCPU_INFO, 0, guest.mfns[page], 0, offset, 0);
  for (const offset of [1, 2, 6, 4036, 4096, 0xfffffffc]) {
    assert.equal(register(30, offset), ENXIO, `${offset}`);
  }
  assert.equal(register(2, 0), EINVAL, "a table");
  assert.equal(register(30, 4032), 0);
  assert.equal(register(30, 4032), EINVAL, "once");
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});
