/** The host's end of event channels, by the core's own exports: what is refused, and that nothing gets lost. */
import assert from "node:assert/strict";
import { type Guest, Rig } from "../hypercalls/rig.ts";

const EVENT_CHANNEL_OP = 32;
const BIND_VIRQ = 1, CLOSE = 3, SEND = 4;
const ENOENT = -2, ESRCH = -3, EINVAL = -22;
const TIMER = 0, CONSOLE = 2;
const PENDING = 0x800;

function call(guest: Guest, cmd: number, ...words: number[]): number {
  return guest.call(EVENT_CHANNEL_OP, cmd, guest.write(guest.va(5), ...words, 0, 0, 0));
}

async function start() {
  const rig = await Rig.create();
  const guest = rig.addGuest({ vcpus: 2 }).enter();
  const { exports } = rig.core;
  return { rig, guest, exports, pending: () => guest.shared(PENDING) >>> 0 };
}

Deno.test("inject: into ports in use, and into no other", async () => {
  const { guest, exports, pending } = await start();
  const port = exports.host_evtchn_alloc(guest.domid);
  const closed = exports.host_evtchn_alloc(guest.domid);
  assert.equal(call(guest, CLOSE, closed), 0);
  // the reserved one, a free one, and those whose group was never in use or is beyond all
  for (const none of [0, closed, 60, 64, 1023, 1024, 5000, -1]) {
    assert.equal(exports.host_evtchn_inject(guest.domid, none), EINVAL, `${none}`);
  }
  assert.equal(exports.host_evtchn_inject(guest.domid + 1, port), ESRCH);
  assert.equal(pending(), 0);
  assert.equal(exports.host_evtchn_inject(guest.domid, port), 0);
  assert.equal(pending(), 1 << port);
});

Deno.test("a virtual interrupt: on a vCPU that there is, and a domain's own on its first only [event.virq_global]", async () => {
  const { guest, exports, pending } = await start();
  for (const [virq, vcpu] of [[TIMER, 1], [CONSOLE, 0]]) {
    assert.equal(call(guest, BIND_VIRQ, virq, vcpu), 0);
  }
  const raise = (vcpu: number, virq: number) => exports.host_virq(guest.domid, vcpu, virq);
  for (const vcpu of [1, 2, 31, -1]) assert.equal(raise(vcpu, CONSOLE), EINVAL, `vCPU ${vcpu}`);
  for (const vcpu of [2, 31, 32, -1]) assert.equal(raise(vcpu, TIMER), ENOENT, `vCPU ${vcpu}`);
  for (const virq of [24, 1000, -1]) assert.equal(raise(0, virq), EINVAL, `VIRQ ${virq}`);
  assert.equal(exports.host_virq(guest.domid + 1, 0, CONSOLE), ESRCH);
  assert.equal(pending(), 0);
  assert.equal(raise(0, TIMER), 0, "bound on the other vCPU only: lost");
  assert.equal(pending(), 0);
  assert.equal(raise(1, TIMER), 0);
  assert.equal(pending(), 1 << 1);
  assert.equal(raise(0, CONSOLE), 0);
  assert.equal(pending(), 1 << 1 | 1 << 2);
});

Deno.test("signals that have no room are there when the host asks again", async () => {
  const { rig, guest, exports } = await start();
  // some of them in other words of the bitmap than the first
  const ports = Array.from({ length: 70 }, () => exports.host_evtchn_alloc(guest.domid));
  for (const port of ports) assert.equal(exports.host_evtchn_bind(guest.domid, port), 0);
  const { mailbox } = rig.core;
  const poll = (room: number) => {
    rig.core.view().setUint32(mailbox + room * 4, 0xdeadbeef, true);
    const count = exports.host_evtchn_poll(guest.domid, mailbox, room);
    assert.ok(count <= room);
    assert.equal(rig.core.view().getUint32(mailbox + room * 4, true), 0xdeadbeef);
    return Array.from(
      { length: count },
      (_, n) => rig.core.view().getUint32(mailbox + n * 4, true),
    );
  };
  assert.deepEqual(poll(100), ports, "what is bound is signalled");
  assert.deepEqual(poll(100), []);
  for (const port of ports) assert.equal(call(guest, SEND, port), 0);
  assert.deepEqual(poll(0), []);
  const seen: number[] = [];
  for (let n = 0; n < 10; n++) seen.push(...poll(7));
  assert.deepEqual(seen, ports);
  assert.deepEqual(poll(7), []);
});
