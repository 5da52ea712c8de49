/** vCPUs: contexts that are refused, starting and stopping, and areas that are registered. */
import assert from "node:assert/strict";
import { type Guest, Rig } from "../hypercalls/rig.ts";

const VCPU_OP = 24, SCHED_OP = 29, SCHED_OP_COMPAT = 6;
const INITIALISE = 0, UP = 1, DOWN = 2, IS_UP = 3, GET_RUNSTATE = 4, REGISTER_INFO = 10;
const EINVAL = -22, ENOENT = -2, EEXIST = -17, ENXIO = -6;
const RUNNING = 0, RUNNABLE = 1, OFFLINE = 3;

async function start(vcpus = 2) {
  const rig = await Rig.create(2);
  const guest = rig.addGuest({ vcpus }).enter();
  return {
    rig,
    guest,
    op: (cmd: number, vcpu: number, arg = 0) => guest.call(VCPU_OP, cmd, vcpu, arg),
  };
}

function runstate(guest: Guest, vcpu: number): { state: number; times: bigint[] } {
  assert.equal(guest.call(VCPU_OP, GET_RUNSTATE, vcpu, guest.va(6)), 0);
  const times = [0, 1, 2, 3].map((n) => guest.read64(guest.va(6, 12 + n * 8)));
  return { state: guest.read(guest.va(6)), times };
}

Deno.test("a context is checked before it counts [vcpu_op.initialise] [xsa.296]", async () => {
  const { rig, guest, op } = await start();
  const refused: [string, (view: DataView) => void][] = [
    ["CR3 zero", (v) => v.setUint32(0xaa8, 0, true)],
    ["CR3 a data page", (v) => v.setUint32(0xaa8, guest.mfns[20] << 12, true)],
    ["CR3 an L2", (v) => v.setUint32(0xaa8, guest.mfns[1] << 12, true)],
    ["CR3 beyond the machine", (v) => v.setUint32(0xaa8, 0xfffff000, true)],
    ["CR3 with its high half", (v) => v.setUint32(0xaa8, guest.cr3 | 0xfff, true)],
    ["GDT too long", (v) => v.setUint32(0xa90, 7169, true)],
    ["GDT in a writable page", (v) => {
      v.setUint32(0xa90, 16, true);
      v.setUint32(0xa50, guest.mfns[20], true);
    }],
    ["GDT nowhere", (v) => {
      v.setUint32(0xa90, 1, true);
      v.setUint32(0xa50, 0xffffffff, true);
    }],
    ["LDT not at a page", (v) => {
      v.setUint32(0xa48, 0x1008, true);
      v.setUint32(0xa4c, 4, true);
    }],
    ["LDT too long", (v) => v.setUint32(0xa4c, 8193, true)],
    ["LDT into the hypervisor", (v) => {
      v.setUint32(0xa48, 0xf57ff000, true);
      v.setUint32(0xa4c, 513, true);
    }],
    ["LDT of no entries there", (v) => v.setUint32(0xa48, 0xf5800000, true)],
  ];
  for (const [what, change] of refused) {
    assert.equal(op(INITIALISE, 1, guest.context(change)), EINVAL, what);
    assert.equal(op(UP, 1), EINVAL, what);
    assert.equal(rig.inside.audit(guest.domid), 0, what);
  }
  const upToIt = guest.context((v) => {
    v.setUint32(0xa48, 0xf57ff000, true);
    v.setUint32(0xa4c, 512, true);
  });
  assert.equal(op(INITIALISE, 1, upToIt), 0);
  assert.equal(op(INITIALISE, 1, guest.context()), EEXIST);
  assert.equal(op(INITIALISE, 0, guest.context()), EEXIST);
  for (const none of [2, 31, 32, 0xffffffff]) {
    for (let cmd = 0; cmd < 16; cmd++) assert.equal(op(cmd, none), ENOENT);
  }
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("up, down and the turns in between [vcpu_op.up] [vcpu_op.down] [vcpu_op.is_up]", async () => {
  const { rig, guest, op } = await start();
  assert.equal(op(INITIALISE, 1, guest.context()), 0);
  assert.equal(op(IS_UP, 1), 0);
  assert.equal(runstate(guest, 1).state, OFFLINE);
  assert.equal(op(UP, 1), 0);
  assert.deepEqual([op(IS_UP, 1), op(UP, 1)], [1, 0]);
  assert.equal(runstate(guest, 1).state, RUNNABLE);
  guest.enter(1);
  assert.equal(runstate(guest, 1).state, RUNNING);
  assert.equal(runstate(guest, 0).state, RUNNABLE);
  const order = [];
  for (let n = 0; n < 6; n++) {
    rig.turn();
    rig.inside.slice_begin(0n, 100);
    order.push(rig.inside.inspect_current() & 0xffff);
    rig.endSlice();
    rig.inside.slice_begin(0n, 100);
  }
  assert.ok(order.includes(0) && order.includes(1));
  guest.enter(0);
  assert.equal(op(DOWN, 1), 0);
  assert.equal(op(DOWN, 1), 0);
  assert.equal(op(IS_UP, 1), 0);
  assert.equal(guest.state, 1);
  assert.equal(op(DOWN, 0), 0); // the last one
  assert.deepEqual([guest.state, guest.code], [2, 0]);
});

Deno.test("a blocked vCPU that is taken down comes up blocked, unless an event came", async () => {
  const { rig, guest, op } = await start();
  op(INITIALISE, 1, guest.context());
  op(UP, 1);
  guest.enter(1);
  guest.call(SCHED_OP, 1);
  guest.enter(0);
  op(DOWN, 1);
  op(UP, 1);
  for (let n = 0; n < 4; n++) {
    rig.turn();
    rig.inside.slice_begin(0n, 100);
    assert.equal(rig.inside.inspect_current() & 0xffff, 0);
  }
  guest.enter(0);
  op(DOWN, 1);
  const arg = guest.write(guest.va(5), 1, 0);
  guest.call(32, 7, arg); // an IPI for vCPU 1
  guest.setSharedByte(64 + 1, 1);
  guest.call(32, 4, guest.write(guest.va(6), guest.read(arg + 4)));
  op(UP, 1);
  guest.enter(1);
});

Deno.test("vcpu_info moves once, to a frame of the guest's, with everything pending [vcpu_op.register_vcpu_info] [event.spurious]", async () => {
  const { rig, guest, op } = await start();
  const register = (mfn: number, offset: number, vcpu = 0, high = 0) =>
    op(REGISTER_INFO, vcpu, guest.write(guest.va(5), mfn, high, offset, 0));
  const mfn = guest.mfns[20];
  for (const offset of [1, 2, 3, 4096 - 63, 4096 - 60, 4096, 0xffffffc0]) {
    assert.equal(register(mfn, offset), ENXIO);
  }
  for (const bad of [0, 0xffffffff, guest.mfns[0], guest.mfns[2], rig.addGuest().mfns[20]]) {
    assert.equal(register(bad, 0), EINVAL);
  }
  assert.equal(register(mfn, 0, 0, 1), EINVAL);
  op(INITIALISE, 1, guest.context());
  op(UP, 1);
  assert.equal(register(mfn, 0, 1), EINVAL); // another one that is up
  assert.equal(register(mfn, 4096 - 64), 0);
  assert.equal(guest.read(guest.va(20, 4096 - 64)) & 0xffff, 0x0101);
  assert.equal(guest.read(guest.va(20, 4096 - 60)), 0xffffffff);
  assert.equal(register(mfn, 4096 - 64), EINVAL);
  assert.equal(guest.shared(0), 0x100); // the old one is as it was
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("the first reason sticks, and one domain's end is not another's [domain.crash] [sched_op.shutdown]", async () => {
  const rig = await Rig.create(2);
  const first = rig.addGuest(), second = rig.addGuest();
  first.enter().call(SCHED_OP, 5, first.write(first.va(5), 1));
  first.call(SCHED_OP_COMPAT, 2, 0);
  assert.deepEqual([first.state, first.code], [2, 1]);
  assert.ok(first.stopped);
  assert.equal(rig.inside.slice_end(), 2); // the host is told
  assert.equal(second.enter().call(17, 7), 4096);
  assert.equal(second.state, 1);
  for (let n = 0; n < 5; n++) {
    rig.turn();
    rig.inside.slice_begin(0n, 100);
    assert.equal(rig.inside.inspect_current() >> 16, second.domid);
  }
});

Deno.test("domains come and go without end [domain.destroy]", async () => {
  const rig = await Rig.create(2);
  for (let n = 0; n < 400; n++) {
    const guest = rig.addGuest({ vcpus: 1 + (n & 1) });
    assert.equal(guest.enter().call(17, 7), 4096);
    rig.inside.slice_end();
    assert.equal(rig.core.exports.domain_destroy(guest.domid), 0);
    assert.equal(rig.core.exports.domain_destroy(guest.domid), -3);
  }
});
