/** One step, by the core and by the model: both must answer the same. */
import assert from "node:assert/strict";
import { LINK, LINKED, MASKED, PENDING } from "./fifo.ts";
import type { Pair, Side } from "./pair.ts";
import type { Act, Step, Who } from "./steps.ts";
import { block, poll } from "./waiting.ts";

const EVENT_CHANNEL_OP = 32, SCHED_OP = 29;
const BLOCK = 1, POLL = 3;

export function perform(pair: Pair, s: Step): void {
  if (s.op === "destroy") return pair.replace(s.slot);
  const side = pair.sides[s.slot];
  if (s.op === "block" || s.op === "poll") {
    if (side.model.vcpus[s.vcpu].waiting !== "no") return; // it sleeps already
    pair.enter(side, s.vcpu);
  } else pair.enter(side);
  act(pair, side, s);
  pair.mask(side);
  pair.compare();
  if (s.op === "block" || s.op === "poll") return;
  pair.compareStatus(side);
}

/** One structure of event_channel_op: the result, and the words it has then. */
function call(side: Side, cmd: number, words: number[]): [number, (at: number) => number] {
  const { guest } = side;
  const at = guest.write(guest.va(5), ...words, 0, 0, 0, 0);
  return [guest.call(EVENT_CHANNEL_OP, cmd, at), (offset) => guest.read(at + offset)];
}

function act(pair: Pair, side: Side, s: Act): void {
  const { machine } = pair, { guest, model: d } = side;
  const port = "port" in s ? side.port(s.port) : 0;
  const id = (w: Who) => "slot" in w ? pair.sides[w.slot].guest.domid : w.domid;
  /** A call that gives a port. */
  const gives = (cmd: number, words: number[], at: number, expected: number) => {
    const [result, word] = call(side, cmd, words);
    assert.equal(result === 0 ? word(at) : result, expected, s.op);
    if (expected > 0) side.given.push(expected);
  };
  const answers = (cmd: number, words: number[], expected: number) =>
    assert.equal(call(side, cmd, words)[0], expected, s.op);
  switch (s.op) {
    case "alloc": {
      const [who, remote] = [id(s.who), id(s.remote)];
      return gives(6, [who | (remote << 16)], 4, machine.allocUnbound(d, who, remote));
    }
    case "interdomain": {
      const far = ("slot" in s.who ? pair.sides[s.who.slot] : side).port(s.port);
      return gives(0, [id(s.who), far], 8, machine.bindInterdomain(d, id(s.who), far));
    }
    case "virq":
      return gives(1, [s.virq, s.vcpu], 8, machine.bindVirq(d, s.virq, s.vcpu));
    case "ipi":
      return gives(7, [s.vcpu], 4, machine.bindIpi(d, s.vcpu));
    case "close":
      return answers(3, [port], machine.close(d, port));
    case "send":
      return answers(4, [port], machine.send(d, port));
    case "unmask":
      return answers(9, [port], machine.unmask(d, port));
    case "status": {
      const [result, word] = call(side, 5, [id(s.who), port]);
      const expected = machine.status(d, id(s.who), port);
      if (typeof expected === "number") return assert.equal(result, expected, "status");
      return assert.deepEqual([result, ...expected.map((_, n) => word(8 + n * 4))], [
        0,
        ...expected,
      ]);
    }
    case "bind_vcpu":
      return answers(8, [port, s.vcpu], machine.bindVcpu(d, port, s.vcpu));
    case "reset":
      return s.continued
        ? answers(14, [id(s.who)], machine.resetContinued(d, id(s.who)))
        : answers(10, [id(s.who)], machine.reset(d, id(s.who)));
    case "init_control":
      return answers(
        11,
        [guest.mfns[s.page], 0, s.offset, s.vcpu],
        machine.initControl(d, s.page, s.offset, s.vcpu),
      );
    case "expand":
      return answers(12, [guest.mfns[s.page], 0], machine.expandArray(d, s.page));
    case "priority":
      return answers(13, [port, s.priority], machine.setPriority(d, port, s.priority));
    case "host":
      return host(pair, side, s.what, port);
    case "mask":
      return mask(side, port);
    case "drain":
      return d.fifo ? drainQueues(side, s.vcpu, s.most) : drainBits(side, s.vcpu);
    case "scribble":
      side.words(s.page)[s.index] = s.value;
      d.memory.get(s.page)![s.index] = s.value;
      return;
    case "block":
      assert.equal(guest.call(SCHED_OP, BLOCK), block(d.vcpus[s.vcpu]));
      return;
    case "poll": {
      const v = d.vcpus[s.vcpu];
      v.masked = !s.unmasked;
      guest.setSharedByte(s.vcpu * 64 + 1, s.unmasked ? 0 : 1);
      const ports = s.ports.map((n) => side.port(n));
      const list = guest.write(guest.va(7), ...ports);
      const at = guest.write(guest.va(6), list, ports.length, 0, 0);
      return assert.equal(guest.call(SCHED_OP, POLL, at), poll(d, v, ports), "poll");
    }
    default:
      throw new Error(s.op);
  }
}

function host(
  pair: Pair,
  { guest, model }: Side,
  what: "bind" | "close" | "notify",
  port: number,
): void {
  const { machine, rig } = pair;
  if (what === "notify") {
    rig.core.exports.host_evtchn_notify(guest.domid, port);
    return machine.hostNotify(model, port);
  }
  const [got, expected] = what === "bind"
    ? [rig.core.exports.host_evtchn_bind(guest.domid, port), machine.hostBind(model, port)]
    : [rig.inside.host_evtchn_close(guest.domid, port), machine.hostClose(model, port)];
  assert.equal(got, expected, `host: ${what}`);
}

/** The guest sets a mask bit, where its ABI has it. */
function mask({ guest, model }: Side, port: number): void {
  if (port >= 1024) return;
  if (!model.fifo) {
    const at = 0x880 + (port >> 5) * 4;
    guest.setShared(at, guest.shared(at) | (1 << (port & 31)));
    model.masked.add(port);
    return;
  }
  const page = model.array[0];
  if (page === undefined) return;
  for (const words of [guestWords(guest, page), model.memory.get(page)!]) {
    words[port] = (words[port] | MASKED) >>> 0;
  }
}

const guestWords = (guest: Side["guest"], page: number) =>
  new Uint32Array(
    guest.rig.core.bytes().buffer,
    guest.rig.core.frameAddress(guest.mfns[page]),
    1024,
  );

/** What a handler of the 2-level ABI clears. */
function drainBits({ guest, model }: Side, vcpu: number): void {
  guest.setSharedByte(vcpu * 64, 0);
  guest.setShared(vcpu * 64 + 4, 0);
  for (let word = 0; word < 32; word++) guest.setShared(0x800 + word * 4, 0);
  model.vcpus[vcpu].pending = false;
  model.vcpus[vcpu].selector = 0;
  model.pending.clear();
}

/** A handler of the FIFO ABI takes some events off each side's queues: the same ones. */
function drainQueues(side: Side, vcpu: number, most: number): void {
  const { guest, model } = side;
  guest.setSharedByte(vcpu * 64, 0);
  model.vcpus[vcpu].pending = false;
  const { control } = model.vcpus[vcpu];
  const page = model.array[0];
  if (!control || page === undefined) return;
  const taken = (words: (page: number) => Uint32Array) => {
    const block = words(control.page), at = control.offset / 4;
    return take(block, at, words(page), most);
  };
  assert.deepEqual(taken((p) => side.words(p)), taken((p) => model.memory.get(p)!), "events taken");
}

/** The queues are left as a handler leaves them that stops in the middle: the head moved on. */
function take(block: Uint32Array, at: number, words: Uint32Array, most: number): number[] {
  const taken: number[] = [];
  for (let n = 0; n < most; n++) {
    const ready = block[at];
    if (ready === 0) break;
    const q = 31 - Math.clz32(ready & -ready);
    const port = block[at + 2 + (q & 15)] & 1023;
    const word = words[port];
    const next = word & LINK;
    words[port] = (word & ~(LINKED | LINK | PENDING)) >>> 0;
    if (next === 0) block[at] &= ~(1 << q);
    else block[at + 2 + (q & 15)] = next;
    taken.push(port);
  }
  return taken;
}
