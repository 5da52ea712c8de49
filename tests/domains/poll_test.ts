/** vCPUs that are taken down while they poll: they come up polling, unless what they wait for came. */
import assert from "node:assert/strict";
import { Rig } from "../hypercalls/rig.ts";

const VCPU_OP = 24, SCHED_OP = 29, EVENT = 32;
const INITIALISE = 0, UP = 1, DOWN = 2, POLL = 3;
const SEND = 4, BIND_IPI = 7;
const MASK = 0x880;

/** vCPU 1 polls two ports of its own, of which events are masked or not; vCPU 0 runs. */
async function start({ ports = 2, limit = 0n, masked = true } = {}) {
  const rig = await Rig.create();
  const guest = rig.addGuest({ vcpus: 2 }).enter();
  const op = (cmd: number, arg = 0) => assert.equal(guest.call(VCPU_OP, cmd, 1, arg), 0);
  op(INITIALISE, guest.context());
  op(UP);
  guest.enter(1);
  const bound = [0, 1, 2].map(() => {
    assert.equal(guest.call(EVENT, BIND_IPI, guest.write(guest.va(5), 1, 0)), 0);
    return guest.read(guest.va(5, 4));
  });
  if (masked) guest.setShared(MASK, 0xffffffff);
  const poll = guest.write(guest.va(6), guest.write(guest.va(7), ...bound), ports);
  guest.write64(guest.va(6, 8), limit);
  assert.equal(guest.call(SCHED_OP, POLL, poll), 0);
  guest.enter(0);
  const send = (n: number) =>
    assert.equal(guest.call(EVENT, SEND, guest.write(guest.va(5), bound[n])), 0);
  /** Whether vCPU 1 gets its turn. */
  const runs = () => {
    rig.inside.slice_end();
    for (let n = 0; n < 6; n++) {
      rig.inside.slice_begin(0n, 200_000);
      if ((rig.inside.inspect_current() & 0xffff) === 1) return true;
      rig.endSlice();
    }
    guest.enter(0);
    return false;
  };
  return { rig, guest, op, send, runs };
}

Deno.test("down and up again, it polls as before: until its time, or without one [sched_op.poll] [vcpu_op.down]", async () => {
  for (const limit of [0n, 5_000_000_000n]) {
    const { rig, op, send, runs } = await start({ limit, ports: 1 });
    const deadline = () => rig.core.exports.machine_deadline();
    const wanted = limit || -1n;
    assert.equal(deadline(), wanted);
    op(DOWN);
    op(UP);
    assert.equal(deadline(), wanted);
    assert.ok(!runs());
    send(1);
    assert.ok(!runs(), "another port's event is none of its");
    send(0);
    assert.ok(runs());
  }
});

Deno.test("what it polls for comes while it is down: it comes up runnable [sched_op.poll] [vcpu_op.up]", async () => {
  for (const masked of [true, false]) {
    for (const ports of [1, 2]) {
      const { op, send, runs } = await start({ masked, ports });
      op(DOWN);
      send(ports - 1);
      assert.ok(!runs(), "it is down");
      op(UP);
      assert.ok(runs(), `masked ${masked}, ${ports} ports`);
    }
  }
});

Deno.test("what it does not poll for comes while it is down, and is masked: it goes on polling [sched_op.poll] [vcpu_op.up]", async () => {
  const { op, send, runs } = await start({ ports: 1 });
  op(DOWN);
  send(1);
  op(UP);
  assert.ok(!runs());
  send(0);
  assert.ok(runs());
});
