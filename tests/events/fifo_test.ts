/**
 * The FIFO ABI: a guest that takes events off its queues as the public header says, against a model
 * with plain lists, and what the hypervisor refuses.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { eventPorts } from "../../core/host/inspect.ts";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";

const EVENT_CHANNEL_OP = 32, VCPU_OP = 24, SCHED_OP = 29;
const BIND_INTERDOMAIN = 0, BIND_VIRQ = 1, CLOSE = 3, SEND = 4, ALLOC_UNBOUND = 6, BIND_IPI = 7;
const BIND_VCPU = 8,
  UNMASK = 9,
  RESET = 10,
  INIT_CONTROL = 11,
  EXPAND_ARRAY = 12,
  SET_PRIORITY = 13;
const ENOENT = -2, EINVAL = -22, ENOSPC = -28, ENOSYS = -38, EOPNOTSUPP = -95;

const PENDING = 2 ** 31, MASKED = 2 ** 30, LINKED = 2 ** 29, LINK = 2 ** 17 - 1;
/** Pages of the guest: one with both control blocks, and the array. */
const CONTROL = 40, ARRAY = 41;
const VCPUS = 2, QUEUES = 16, DEFAULT = 7;

function call(guest: Guest, cmd: number, words: number[], out?: number): number {
  const at = guest.write(guest.va(5), ...words, 0, 0, 0, 0, 0, 0);
  const result = guest.call(EVENT_CHANNEL_OP, cmd, at);
  return result === 0 && out !== undefined ? guest.read(at + out) : result;
}

const offsetOf = (vcpu: number) => 0x100 + vcpu * 0x80;
const initControl = (guest: Guest, vcpu: number) =>
  call(guest, INIT_CONTROL, [guest.mfns[CONTROL], 0, offsetOf(vcpu), vcpu]);
const expandArray = (guest: Guest, page = ARRAY) =>
  call(guest, EXPAND_ARRAY, [guest.mfns[page], 0]);

const wordAt = (guest: Guest, port: number) => guest.va(ARRAY, port * 4);
const word = (guest: Guest, port: number) => guest.read(wordAt(guest, port)) >>> 0;
const setWord = (guest: Guest, port: number, value: number) =>
  guest.write(wordAt(guest, port), value >>> 0);

async function start({ fifo = true } = {}) {
  const rig = await Rig.create(2);
  const guest = rig.addGuest({ vcpus: VCPUS }).enter();
  if (fifo) {
    for (let v = 0; v < VCPUS; v++) assert.equal(initControl(guest, v), 0);
    assert.equal(expandArray(guest), 0);
  }
  return { rig, guest };
}

/** A vCPU's handler of upcalls: what it has taken off the queues and not yet gone through. */
class Handler {
  private readonly heads: number[] = Array(QUEUES).fill(0);
  private ready = 0;

  constructor(readonly guest: Guest, readonly vcpu: number) {}

  private at(offset: number): number {
    return this.guest.va(CONTROL, offsetOf(this.vcpu) + offset);
  }

  /** The next port off the queues, and whether it is to be handled; null when they are empty. */
  next(): [port: number, due: boolean] | null {
    this.ready |= this.guest.read(this.at(0));
    this.guest.write(this.at(0), 0);
    if (this.ready === 0) return null;
    const q = 31 - Math.clz32(this.ready & -this.ready);
    const port = this.heads[q] || this.guest.read(this.at(8 + q * 4));
    const value = word(this.guest, port);
    this.heads[q] = value & LINK;
    if (this.heads[q] === 0) this.ready &= ~(1 << q);
    const due = value >= PENDING && (value & MASKED) === 0;
    const taken = value - (value & LINK) - (value & LINKED);
    setWord(this.guest, port, due ? taken - PENDING : taken);
    return [port, due];
  }
}

interface ModelPort {
  vcpu: number;
  priority: number;
  pending: boolean;
  masked: boolean;
  queued: boolean;
  peer: number;
}

class Model {
  readonly ports = new Map<number, ModelPort>();
  readonly queues = Array.from(
    { length: VCPUS },
    () => Array.from({ length: QUEUES }, () => [] as number[]),
  );

  add(port: number, vcpu: number, peer = port): void {
    this.ports.set(port, {
      vcpu,
      priority: DEFAULT,
      pending: false,
      masked: false,
      queued: false,
      peer,
    });
  }

  raise(number: number): void {
    const port = this.ports.get(number)!;
    port.pending = true;
    this.queue(number, port);
  }

  unmask(number: number): void {
    const port = this.ports.get(number)!;
    port.masked = false;
    if (port.pending) this.queue(number, port);
  }

  private queue(number: number, port: ModelPort): void {
    if (port.masked || port.queued) return;
    port.queued = true;
    this.queues[port.vcpu][port.priority].push(number);
  }

  next(vcpu: number): [number, boolean] | null {
    const number = this.queues[vcpu].find((queue) => queue.length > 0)?.shift();
    if (number === undefined) return null;
    const port = this.ports.get(number)!;
    const due = port.pending && !port.masked;
    port.queued = false;
    if (due) port.pending = false;
    return [number, due];
  }
}

const PORTS = 10;
const port = fc.nat(PORTS - 1);
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("send" as const), port }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("unmask" as const), port }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("mask" as const), port }) },
  fc.record({ op: fc.constant("priority" as const), port, n: fc.nat(17) }),
  fc.record({ op: fc.constant("move" as const), port, n: fc.nat(VCPUS) }),
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("take" as const),
      vcpu: fc.nat(VCPUS - 1),
      n: fc.nat(6),
    }),
  },
);

Deno.test("events come off the queues in the model's order, none twice and none lost [event.fifo]", async () => {
  const rig = await Rig.create(2);
  const property = fc.property(fc.array(operation, { maxLength: 200, size: "max" }), (list) => {
    const guest = rig.addGuest({ vcpus: VCPUS }).enter();
    try {
      guest.call(VCPU_OP, 7, 0);
      for (let v = 0; v < VCPUS; v++) assert.equal(initControl(guest, v), 0);
      assert.equal(expandArray(guest), 0);
      const model = new Model();
      const handlers = Array.from({ length: VCPUS }, (_, v) => new Handler(guest, v));
      const ports: number[] = [];
      for (let n = 0; n < 6; n++) {
        ports.push(call(guest, BIND_IPI, [n & 1], 4));
        model.add(ports[n], n & 1);
      }
      for (let n = 0; n < 2; n++) { // both ends in this domain
        const far = call(guest, ALLOC_UNBOUND, [SELF | SELF << 16], 4);
        const near = call(guest, BIND_INTERDOMAIN, [SELF, far], 8);
        ports.push(far, near);
        model.add(far, 0, near);
        model.add(near, 0, far);
        model.raise(near); // binding raises it
      }
      const take = (vcpu: number, most: number) => {
        guest.setSharedByte(vcpu * 64, 0);
        for (let n = 0; n < most; n++) {
          const expected = model.next(vcpu);
          assert.deepEqual(handlers[vcpu].next(), expected);
          if (!expected) return;
        }
      };
      for (const o of list) {
        if (o.op === "take") {
          take(o.vcpu, o.n);
          continue;
        }
        const number = ports[o.port];
        const known = model.ports.get(number)!;
        switch (o.op) {
          case "send":
            assert.equal(call(guest, SEND, [number]), 0);
            model.raise(known.peer);
            break;
          case "unmask":
            assert.equal(call(guest, UNMASK, [number]), 0);
            model.unmask(number);
            break;
          case "mask":
            setWord(guest, number, word(guest, number) | MASKED);
            known.masked = true;
            break;
          case "priority":
            assert.equal(call(guest, SET_PRIORITY, [number, o.n]), o.n < QUEUES ? 0 : EINVAL);
            if (o.n < QUEUES) known.priority = o.n;
            break;
          case "move": {
            const expected = o.n >= VCPUS ? ENOENT : o.port < 6 ? EINVAL : 0;
            assert.equal(call(guest, BIND_VCPU, [number, o.n]), expected);
            if (expected === 0) known.vcpu = o.n;
          }
        }
      }
      for (let v = 0; v < VCPUS; v++) {
        take(v, 1000);
        assert.equal(model.next(v), null);
      }
      assert.equal(rig.inside.audit(guest.domid), 0);
    } finally {
      rig.inside.slice_end();
      rig.core.exports.domain_destroy(guest.domid);
    }
  });
  fc.assert(property, { numRuns: 200 });
});

Deno.test("a queue that was empty brings an upcall, one that was not brings none [event.fifo]", async () => {
  const { guest } = await start();
  const [first, second] = [0, 0].map(() => call(guest, BIND_IPI, [0], 4));
  guest.setSharedByte(0, 0);
  call(guest, SEND, [first]);
  assert.equal(guest.sharedByte(0), 1);
  guest.setSharedByte(0, 0);
  call(guest, SEND, [second]); // behind the first
  call(guest, SEND, [first]); // pending already
  assert.equal(guest.sharedByte(0), 0);
  assert.equal(word(guest, first) & LINK, second);
  assert.equal(guest.shared(0x800), 0, "the 2-level bitmap has no part in it");
});

Deno.test("what is refused, and what the first control block changes [event_channel_op.init_control] [event_channel_op.expand_array] [event_channel_op.set_priority]", async () => {
  const { rig, guest } = await start({ fifo: false });
  const port = call(guest, BIND_IPI, [0], 4);
  assert.equal(expandArray(guest), EOPNOTSUPP);
  assert.equal(call(guest, SET_PRIORITY, [port, 3]), ENOSYS);
  const bad: [number, number, number][] = [
    [ENOENT, 0x100, VCPUS],
    [EINVAL, 0x104, 0],
    [EINVAL, 4096 - 64, 0],
    [EINVAL, 4096, 0],
    [EINVAL, 0xfffffff8, 0],
  ];
  for (const [expected, offset, vcpu] of bad) {
    assert.equal(call(guest, INIT_CONTROL, [guest.mfns[CONTROL], 0, offset, vcpu]), expected);
  }
  for (const mfn of [0, guest.mfns[0], 0xffffffff]) { // none, a table, beyond the machine
    assert.equal(call(guest, INIT_CONTROL, [mfn, 0, 0x100, 0]), EINVAL);
  }
  assert.equal(call(guest, INIT_CONTROL, [guest.mfns[CONTROL], 1, 0x100, 0]), EINVAL);
  assert.equal(expandArray(guest), EOPNOTSUPP, "still the 2-level ABI");
  assert.equal(call(guest, INIT_CONTROL, [guest.mfns[CONTROL], 0, 4096 - 72, 0], 16), 17);
  assert.equal(initControl(guest, 0), EINVAL, "a second one");
  assert.equal(expandArray(guest, 0), EINVAL, "a table");
  // a frame number has 64 bits
  for (const high of [1, 2 ** 31]) {
    assert.equal(call(guest, EXPAND_ARRAY, [guest.mfns[ARRAY], high]), EINVAL);
  }
  assert.equal(call(guest, SET_PRIORITY, [port, 16]), EINVAL);
  assert.equal(call(guest, SET_PRIORITY, [1000, 3]), EINVAL);
  for (let n = 0; n < 128; n++) assert.equal(expandArray(guest), 0);
  assert.equal(expandArray(guest), ENOSPC);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("what was pending before, or came before its word, is raised with the array", async () => {
  const { guest } = await start({ fifo: false });
  const [before, between] = [0, 0].map(() => call(guest, BIND_IPI, [0], 4));
  call(guest, SEND, [before]);
  assert.equal(initControl(guest, 0), 0);
  call(guest, SEND, [between]);
  assert.equal(expandArray(guest), 0);
  const handler = new Handler(guest, 0);
  assert.deepEqual([handler.next(), handler.next(), handler.next()], [
    [before, true],
    [between, true],
    null,
  ]);
});

Deno.test("a vCPU without a control block loses its events, and no other does", async () => {
  const { guest } = await start({ fifo: false });
  assert.equal(initControl(guest, 0), 0);
  assert.equal(expandArray(guest), 0);
  const lost = call(guest, BIND_IPI, [1], 4);
  assert.equal(call(guest, SEND, [lost]), 0);
  assert.equal(word(guest, lost), PENDING);
});

Deno.test("a closed port that is still queued is not given out again", async () => {
  const { guest } = await start();
  const port = call(guest, BIND_IPI, [0], 4);
  call(guest, SEND, [port]);
  assert.equal(call(guest, CLOSE, [port]), 0);
  assert.equal(word(guest, port), LINKED, "no longer pending");
  const other = call(guest, BIND_IPI, [0], 4);
  assert.notEqual(other, port);
  assert.deepEqual(new Handler(guest, 0).next(), [port, false]);
  assert.equal(call(guest, BIND_IPI, [0], 4), port);
});

Deno.test("poll sees the words; reset goes back to the 2-level ABI and gives the pages up [event_channel_op.reset]", async () => {
  const { rig, guest } = await start();
  const port = call(guest, BIND_VIRQ, [1, 0], 8);
  setWord(guest, port, PENDING + MASKED);
  const ports = guest.write(guest.va(7), port);
  const poll = guest.write(guest.va(6), ports, 1, 0, 0);
  assert.equal(guest.call(SCHED_OP, 3, poll), 0);
  assert.ok(!guest.stopped);
  const asTable = () => guest.call(26, guest.write(guest.va(6), 0, guest.mfns[ARRAY]), 1, 0, SELF);
  guest.call(14, guest.va(ARRAY), guest.mfns[ARRAY] << 12 | 0x61, guest.mfns[ARRAY] >>> 20, 2);
  rig.core.frame(guest.mfns[ARRAY]).fill(0);
  assert.equal(asTable(), EINVAL, "in use for writing");
  assert.equal(call(guest, RESET, [SELF]), 0);
  assert.equal(rig.inside.audit(guest.domid), 0);
  assert.equal(asTable(), 0);
  const again = call(guest, BIND_IPI, [0], 4);
  call(guest, SEND, [again]);
  assert.equal(guest.shared(0x800), 1 << again);
});

Deno.test("whatever a guest writes there, it fools only itself [event.fifo] [xsa.221]", async () => {
  const rig = await Rig.create(2);
  const other = rig.addGuest();
  const values = fc.constantFrom(0, 1, 3, LINK, LINKED, LINKED + 5, PENDING, MASKED, 0xffffffff);
  const chaos = fc.array(
    fc.record({ at: fc.nat(1023), page: fc.constantFrom(CONTROL, ARRAY), value: values }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(fc.array(chaos, { maxLength: 20 }), (rounds) => {
      const guest = rig.addGuest({ vcpus: VCPUS }).enter();
      for (let v = 0; v < VCPUS; v++) initControl(guest, v);
      expandArray(guest);
      const ports = Array.from({ length: 8 }, (_, n) => call(guest, BIND_IPI, [n & 1], 4));
      for (const round of rounds) {
        for (const { at, page, value } of round) {
          guest.write(guest.va(page, at % 24 === 0 ? at * 4 : (at % 24) * 4), value);
        }
        for (const p of ports) {
          call(guest, SET_PRIORITY, [p, p & 15]);
          call(guest, SEND, [p]);
          call(guest, UNMASK, [p]);
        }
      }
      assert.equal(rig.inside.audit(guest.domid), 0);
      rig.inside.slice_end();
      rig.core.exports.domain_destroy(guest.domid);
      assert.equal(other.state, 1);
    }),
    { numRuns: 60 },
  );
});

Deno.test("the host sees each port's own word, and none where the array ends", async () => {
  const { rig, guest } = await start({ fifo: false });
  const [first, second] = [0, 0].map(() => call(guest, BIND_IPI, [0], 4));
  // the bitmaps count no more, once the words do
  guest.setShared(0x880, 0xffffffff);
  assert.equal(initControl(guest, 0), 0);
  const seen = () =>
    eventPorts(rig.core, guest.domid).map(({ pending, masked }) => [pending, masked]);
  assert.deepEqual(seen(), [[false, false], [false, false]], "no word yet");
  assert.equal(expandArray(guest), 0);
  setWord(guest, first, MASKED);
  setWord(guest, second, PENDING);
  assert.deepEqual(seen(), [[false, true], [true, false]]);
});
