/** Event channels of two domains and the host under random operations, hostile ones among them, against the model. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";
import { Model, ModelDomain } from "./model.ts";

const EVENT_CHANNEL_OP = 32;
const VCPU_OP = 24;
const STOP_PERIODIC_TIMER = 7;
const VCPUS = 2;

/** Mostly numbers that mean something, now and then any. */
const port = fc.oneof(
  { weight: 8, arbitrary: fc.nat(12) },
  { weight: 1, arbitrary: fc.nat(1100) },
  { weight: 1, arbitrary: fc.constantFrom(63, 64, 1023, 1024, 4096, 0x7fffffff, 0xffffffff) },
);
const domain = fc.nat(1);
/** 0 and 1 stand for the two domains' own numbers. */
const domid = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("first", "second", "self", "host") },
  { weight: 1, arbitrary: fc.constantFrom(0x7ff1, 0x7ff2, 0x7fff, 0xffff, 1234) },
);
const vcpu = fc.oneof(fc.nat(2), fc.constantFrom(31, 32, 0x80000000, 0xffffffff));
const virq = fc.oneof(fc.nat(24), fc.constantFrom(0x80000000, 0xffffffff));

const operation = fc.oneof(
  fc.record({ op: fc.constant("alloc" as const), d: domain, domid, remote: domid }),
  fc.record({ op: fc.constant("bind" as const), d: domain, domid, port }),
  fc.record({ op: fc.constant("virq" as const), d: domain, virq, vcpu }),
  fc.record({ op: fc.constant("ipi" as const), d: domain, vcpu }),
  fc.record({ op: fc.constant("close" as const), d: domain, port }),
  fc.record({ op: fc.constant("send" as const), d: domain, port }),
  fc.record({ op: fc.constant("send" as const), d: domain, port }),
  fc.record({ op: fc.constant("status" as const), d: domain, domid, port }),
  fc.record({ op: fc.constant("bindVcpu" as const), d: domain, port, vcpu }),
  fc.record({ op: fc.constant("unmask" as const), d: domain, port }),
  fc.record({ op: fc.constant("hostBind" as const), d: domain, port }),
  fc.record({ op: fc.constant("hostClose" as const), d: domain, port }),
  fc.record({ op: fc.constant("hostNotify" as const), d: domain, port }),
  fc.record({ op: fc.constant("mask" as const), d: domain, port: fc.nat(63) }),
  fc.record({ op: fc.constant("drain" as const), d: domain, vcpu: fc.nat(VCPUS - 1) }),
);

/** One structure of event_channel_op: fields in, result, and the word at `out` if it succeeded. */
function call(guest: Guest, cmd: number, words: number[], out?: number): number {
  const at = guest.write(guest.va(5), ...words, 0, 0, 0);
  const result = guest.call(EVENT_CHANNEL_OP, cmd, at);
  return result === 0 && out !== undefined ? guest.read(at + out) : result;
}

Deno.test("event channels behave as the model under hostile use [event.model] [event.two_level] [event.interdomain] [event_channel_op.bind_interdomain] [event_channel_op.bind_virq] [event_channel_op.close] [event_channel_op.send] [event_channel_op.status] [event_channel_op.alloc_unbound] [event_channel_op.bind_ipi] [event_channel_op.bind_vcpu] [event_channel_op.unmask] [event_channel_op.reset] [xsa.221] [xsa.317]", async () => {
  const rig = await Rig.create(2);
  const run = fc.property(fc.array(operation, { maxLength: 150, size: "max" }), (operations) => {
    const guests = [rig.addGuest({ vcpus: VCPUS }), rig.addGuest({ vcpus: VCPUS })];
    const states = guests.map(({ domid }) => new ModelDomain(domid, VCPUS));
    const model = new Model(new Map(states.map((state) => [state.id, state])));
    const number = (name: string | number) =>
      typeof name === "number"
        ? name
        : { first: guests[0].domid, second: guests[1].domid, self: SELF, host: 0 }[name]!;
    try {
      for (const guest of guests) {
        for (let n = 0; n < VCPUS; n++) guest.enter().call(VCPU_OP, STOP_PERIODIC_TIMER, n);
      }
      for (const o of operations) {
        const guest = guests[o.d].enter();
        const state = states[o.d];
        const host = rig.core.exports;
        switch (o.op) {
          case "alloc":
            assert.equal(
              call(guest, 6, [number(o.domid) | (number(o.remote) << 16)], 4),
              model.allocUnbound(state, number(o.domid), number(o.remote)),
            );
            break;
          case "bind":
            assert.equal(
              call(guest, 0, [number(o.domid), o.port], 8),
              model.bindInterdomain(state, number(o.domid), o.port),
            );
            break;
          case "virq":
            assert.equal(
              call(guest, 1, [o.virq, o.vcpu], 8),
              model.bindVirq(state, o.virq, o.vcpu),
            );
            break;
          case "ipi":
            assert.equal(call(guest, 7, [o.vcpu], 4), model.bindIpi(state, o.vcpu));
            break;
          case "close":
            assert.equal(call(guest, 3, [o.port]), model.close(state, o.port));
            break;
          case "send":
            assert.equal(call(guest, 4, [o.port]), model.send(state, o.port));
            break;
          case "status": {
            const result = call(guest, 5, [number(o.domid), o.port]);
            const [expected, status, on] = model.status(state, number(o.domid), o.port);
            assert.equal(result, expected);
            if (expected === 0) {
              assert.deepEqual([guest.read(guest.va(5, 8)), guest.read(guest.va(5, 12))], [
                status,
                on,
              ]);
            }
            break;
          }
          case "bindVcpu":
            assert.equal(call(guest, 8, [o.port, o.vcpu]), model.bindVcpu(state, o.port, o.vcpu));
            break;
          case "unmask":
            assert.equal(call(guest, 9, [o.port]), model.unmask(state, o.port));
            break;
          case "hostBind":
            assert.equal(host.host_evtchn_bind(guest.domid, o.port), model.hostBind(state, o.port));
            break;
          case "hostClose":
            assert.equal(
              rig.inside.host_evtchn_close(guest.domid, o.port),
              model.hostClose(state, o.port),
            );
            break;
          case "hostNotify":
            host.host_evtchn_notify(guest.domid, o.port);
            model.hostNotify(state, o.port);
            break;
          case "mask":
            guest.setShared(
              0x880 + (o.port >> 5) * 4,
              guest.shared(0x880 + (o.port >> 5) * 4) | (1 << (o.port & 31)),
            );
            state.masked.add(o.port);
            break;
          case "drain": // what a guest's upcall handler clears
            guest.setSharedByte(o.vcpu * 64, 0);
            guest.setShared(o.vcpu * 64 + 4, 0);
            for (let word = 0; word < 32; word++) guest.setShared(0x800 + word * 4, 0);
            state.upcall[o.vcpu] = false;
            state.sel[o.vcpu] = 0;
            state.pending.clear();
        }
        guests.forEach((g, n) => compare(g, states[n]));
      }
      guests.forEach((g, n) => {
        const count = rig.core.exports.host_evtchn_poll(g.domid, rig.core.mailbox, 1024);
        const view = rig.core.view();
        const got = Array.from(
          { length: count },
          (_, i) => view.getUint32(rig.core.mailbox + i * 4, true),
        );
        assert.deepEqual(got, [...states[n].signals].sort((a, b) => a - b));
      });
    } finally {
      rig.inside.slice_end();
      for (const { domid } of guests) rig.core.exports.domain_destroy(domid);
    }
  });
  fc.assert(run, { numRuns: 150 });
});

function compare(guest: Guest, state: ModelDomain): void {
  for (let word = 0; word < 32; word++) {
    let pending = 0, masked = 0;
    for (let bit = 0; bit < 32; bit++) {
      if (state.pending.has(word * 32 + bit)) pending |= 1 << bit;
      if (state.masked.has(word * 32 + bit)) masked |= 1 << bit;
    }
    assert.equal(guest.shared(0x800 + word * 4), pending >>> 0, `pending word ${word}`);
    assert.equal(guest.shared(0x880 + word * 4), masked >>> 0, `mask word ${word}`);
  }
  for (let n = 0; n < VCPUS; n++) {
    assert.equal(guest.shared(n * 64 + 4), state.sel[n] >>> 0, `selector of vCPU ${n}`);
    assert.equal(guest.sharedByte(n * 64), state.upcall[n] ? 1 : 0, `upcall of vCPU ${n}`);
  }
}
