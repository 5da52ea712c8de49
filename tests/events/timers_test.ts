/** Time and timers in virtual time, where every moment is exact. */
import assert from "node:assert/strict";
import { type Guest, Rig, WALL } from "../hypercalls/rig.ts";

const SET_TIMER = 15, VCPU_OP = 24, SCHED_OP = 29, EVENT_CHANNEL_OP = 32;
const YIELD = 0, BLOCK = 1, POLL = 3, WATCHDOG = 6;
const MS = 1_000_000n;
const RUN_IDLE = 0, SHUTDOWN = 2, REASON_WATCHDOG = 4;

async function start(vcpus = 1) {
  const rig = await Rig.create();
  const guest = rig.addGuest({ vcpus }).enter();
  guest.call(VCPU_OP, 7, 0); // no tick
  const arg = guest.write(guest.va(5), 0, 0, 0);
  assert.equal(guest.call(EVENT_CHANNEL_OP, 1, arg), 0);
  return { rig, guest, port: guest.read(arg + 8) };
}

const timer = (guest: Guest, at: bigint) =>
  guest.call(SET_TIMER, Number(at & 0xffffffffn), Number(at >> 32n & 0xffffffffn));
const pending = (guest: Guest, port: number) => (guest.shared(0x800) >> port & 1) === 1;
const clear = (guest: Guest) => {
  guest.setShared(0x800, 0);
  guest.setShared(4, 0);
  guest.setSharedByte(0, 0);
};
/** Lets the guest spin until some time, a microsecond a turn. */
function spin(guest: Guest, until: bigint, done = () => false): void {
  while (guest.rig.now < until && !done()) {
    guest.enter().call(SCHED_OP, YIELD);
    guest.rig.inside.slice_end();
  }
  guest.enter();
}

Deno.test("pvclock gives system time from the TSC, and wall time with it [time.pvclock] [time.wallclock]", async () => {
  const { rig, guest } = await start();
  const at = 0x20;
  assert.equal(guest.shared(at) % 2, 0);
  const tsc = BigInt(guest.shared(at + 8)) | BigInt(guest.shared(at + 12)) << 32n;
  const base = BigInt(guest.shared(at + 16)) | BigInt(guest.shared(at + 20)) << 32n;
  const mul = BigInt(guest.shared(at + 24));
  const shift = BigInt(guest.sharedByte(at + 28));
  const now = rig.now;
  assert.ok(now > 0n && base > 0n);
  // the TSC of the rig's clock shows system time itself
  assert.equal(base + (((now - tsc) << shift) * mul >> 32n), now);
  const wall = BigInt(guest.shared(0x904)) * 1_000_000_000n + BigInt(guest.shared(0x908));
  assert.equal(wall, WALL);
  assert.equal(guest.shared(0x900) % 2, 0);
});

Deno.test("a one-shot timer: past at once, future on time, 0 cancels, negative and far in 100 ms [set_timer_op] [time.singleshot]", async () => {
  const { rig, guest, port } = await start();
  assert.equal(timer(guest, 1n), 0);
  assert.ok(pending(guest, port));
  clear(guest);
  const due = rig.now + 3n * MS;
  timer(guest, due);
  spin(guest, due - 10_000n);
  assert.ok(!pending(guest, port), "not early");
  spin(guest, due + 10_000n);
  assert.ok(pending(guest, port), "not late");
  clear(guest);
  spin(guest, rig.now + 5n * MS);
  assert.ok(!pending(guest, port), "once only");
  timer(guest, rig.now + MS);
  timer(guest, 0n);
  spin(guest, rig.now + 3n * MS);
  assert.ok(!pending(guest, port), "cancelled");
  for (const far of [-1n, -(1n << 62n), rig.now + (1n << 51n)]) {
    const set = rig.now;
    timer(guest, far);
    spin(guest, set + 200n * MS, () => pending(guest, port));
    assert.ok(rig.now >= set + 100n * MS && rig.now < set + 101n * MS);
    clear(guest);
  }
});

Deno.test("an idle machine skips to the deadline exactly, and no further than it is told", async () => {
  const { rig, guest, port } = await start();
  const due = rig.now + 7n * MS;
  timer(guest, due);
  guest.setSharedByte(1, 1);
  // poll for a port that stays silent: wakes by the upcall that the timer makes pending
  const arg = guest.write(guest.va(6), guest.va(7), 0, 0, 0);
  assert.equal(guest.call(SCHED_OP, POLL, arg), 0);
  assert.ok(guest.stopped);
  assert.equal(rig.inside.slice_end(), RUN_IDLE);
  assert.equal(rig.core.exports.machine_deadline(), due);
  assert.equal(rig.turn(due - 1n), RUN_IDLE);
  assert.ok(rig.now < due);
  rig.inside.slice_begin(due, 1000);
  assert.equal(rig.now, due);
  assert.ok(pending(guest, port));
});

Deno.test("SCHEDOP_block unmasks and waits; what is pending already lets it through [sched_op.block] [event.block]", async () => {
  const { rig, guest } = await start();
  guest.setSharedByte(1, 0xff);
  assert.equal(guest.call(SCHED_OP, BLOCK), 0);
  assert.equal(guest.sharedByte(1), 0);
  assert.ok(guest.stopped);
  assert.equal(rig.inside.slice_end(), RUN_IDLE);
  const other = await start();
  other.guest.setSharedByte(0, 1);
  assert.equal(other.guest.call(SCHED_OP, BLOCK), 0);
  assert.ok(!other.guest.stopped);
});

Deno.test("poll: timeouts, pending ports, and every bad argument [sched_op.poll] [errno.EINVAL] [errno.EFAULT]", async () => {
  const { rig, guest, port } = await start();
  const poll = (ports: number, count: number, timeout: bigint) => {
    guest.write(guest.va(6), ports, count);
    guest.write64(guest.va(6, 8), timeout);
    return guest.call(SCHED_OP, POLL, guest.va(6));
  };
  const list = guest.write(guest.va(7), port);
  assert.equal(poll(list, 1, 1n), 0);
  assert.notEqual(rig.inside.slice_end(), RUN_IDLE, "past timeout");
  guest.enter();
  guest.setShared(0x880, 1 << port);
  guest.setShared(0x800, 1 << port);
  assert.equal(poll(list, 1, 0n), 0);
  assert.ok(!guest.stopped, "pending although masked");
  clear(guest);
  for (const bad of [0, 40, 63, 64, 1024, 0xffffffff]) {
    guest.write(list, bad);
    assert.equal(poll(list, 1, 0n), -22, `port ${bad}`);
  }
  guest.write(list, port);
  assert.equal(poll(list, 129, 0n), -22);
  assert.equal(poll(0x400000, 1, 0n), -14);
  assert.equal(poll(0xf57ffffc, 2, 0n), -14);
  assert.equal(poll(0xfffffffc, 1, 0n), -14);
  assert.ok(!guest.stopped);
  const end = rig.now + 2n * MS;
  assert.equal(poll(list, 1, end), 0);
  assert.ok(guest.stopped);
  rig.inside.slice_end();
  rig.inside.slice_begin(end, 1000);
  assert.equal(rig.now, end);
  assert.ok(!pending(guest, port));
});

Deno.test("the tick runs only for a bound VIRQ_TIMER and a running vCPU [time.periodic]", async () => {
  const { rig, guest, port } = await start();
  const period = guest.write(guest.va(6), 5_000_000, 0);
  assert.equal(guest.call(VCPU_OP, 6, 0, period), 0);
  let ticks = 0;
  const end = rig.now + 26n * MS;
  spin(guest, end, () => {
    if (pending(guest, port)) ticks++, clear(guest);
    return false;
  });
  assert.equal(ticks, 5);
  guest.call(EVENT_CHANNEL_OP, 3, guest.write(guest.va(5), port));
  clear(guest);
  spin(guest, rig.now + 20n * MS);
  assert.equal(guest.shared(0x800), 0);
  for (const [low, high] of [[0, 0], [999_999, 0], [0, 0x40000000], [0xffffffff, 0xffffffff]]) {
    guest.write(period, low, high);
    assert.equal(guest.call(VCPU_OP, 6, 0, period), -22);
  }
  // a blocked vCPU is not woken by its tick
  guest.write(period, 1_000_000, 0);
  guest.call(VCPU_OP, 6, 0, period);
  guest.call(SCHED_OP, BLOCK);
  rig.inside.slice_end();
  assert.equal(rig.core.exports.machine_deadline(), -1n);
});

Deno.test("watchdogs: two, armed anew, put away, and fatal [sched_op.watchdog] [time.watchdog]", async () => {
  const { rig, guest } = await start();
  const watchdog = (id: number, seconds: number) =>
    guest.call(SCHED_OP, WATCHDOG, guest.write(guest.va(6), id, seconds));
  assert.deepEqual([watchdog(0, 1), watchdog(0, 100), watchdog(0, 100)], [1, 2, -28]);
  assert.deepEqual([watchdog(1, 0), watchdog(1, 0), watchdog(1, 9)], [0, -22, -22]);
  assert.deepEqual([watchdog(3, 1), watchdog(0xffffffff, 1)], [-22, -22]);
  assert.deepEqual([watchdog(2, 2), watchdog(0, 1)], [0, 1]);
  const armed = rig.now;
  guest.setSharedByte(1, 1);
  guest.write(guest.va(6), 0, 0, 0, 0);
  guest.call(SCHED_OP, POLL, guest.va(6));
  rig.inside.slice_end();
  const deadline = rig.core.exports.machine_deadline();
  assert.ok(deadline > armed && deadline <= armed + 1_000_000_000n);
  rig.turn(deadline);
  assert.deepEqual([guest.state, guest.code], [SHUTDOWN, REASON_WATCHDOG]);
});

Deno.test("two runs with the same input see the same times [time.virtual]", async () => {
  const times = async () => {
    const { rig, guest, port } = await start();
    const seen: bigint[] = [];
    for (let n = 0; n < 50; n++) {
      timer(guest, rig.now + BigInt(n * 7919));
      spin(guest, rig.now + 1n * MS, () => pending(guest, port));
      clear(guest);
      seen.push(rig.now);
    }
    return seen;
  };
  assert.deepEqual(await times(), await times());
});
