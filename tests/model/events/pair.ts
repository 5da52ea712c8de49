/** The core and the model side by side: each step is carried out by both, and what both show is compared. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Guest, Rig } from "../../hypercalls/rig.ts";
import { Domain, type Waiting } from "./domain.ts";
import { Machine } from "./operations.ts";
import { PAGES, SLOTS, VCPUS } from "./steps.ts";

const VCPU_OP = 24;
const INITIALISE = 0, UP = 1, STOP_PERIODIC_TIMER = 7;
/** VCPU_* of core/wasm/domains/domain.ts. */
const STATES: Record<Waiting, number> = { no: 1, blocked: 2, polling: 3 };
const PENDING = 0x800, MASK = 0x880;
/** Ports whose status is compared after each step. */
const SHOWN = 14;

interface Inspect {
  inspect_vcpu_state(domid: number, vcpu: number): number;
}

const bytes = (words: Uint32Array) =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** A set of ports as shared_info has it. */
function bitmap(set: Set<number>): Uint32Array {
  const words = new Uint32Array(32);
  for (const port of set) words[port >> 5] |= 1 << (port & 31);
  return words;
}

export class Side {
  /** Ports it was given, the last one last. */
  readonly given: number[] = [];

  constructor(readonly guest: Guest, readonly model: Domain) {}

  /** The port that a step means. */
  port(n: number): number {
    return n < 0 ? this.given.at(n) ?? 1 : n;
  }

  /** A page of the guest as words, where the core has it. */
  words(page: number): Uint32Array {
    const { core } = this.guest.rig;
    return new Uint32Array(core.bytes().buffer, core.frameAddress(this.guest.mfns[page]), 1024);
  }
}

export class Pair {
  readonly machine = new Machine();
  readonly sides: Side[] = [];

  private constructor(readonly rig: Rig) {
    for (let slot = 0; slot < SLOTS; slot++) this.sides[slot] = this.#create();
  }

  static #rig: Promise<Rig> | undefined;
  static async create(): Promise<Pair> {
    return new Pair(await (Pair.#rig ??= Rig.create(SLOTS + 1)));
  }
  /** After a failure nothing is known of the machine: the next sequence gets another. */
  static forget(): void {
    Pair.#rig = undefined;
  }

  #create(): Side {
    const { rig } = this;
    this.#pauseAll();
    const guest = rig.addGuest({ vcpus: VCPUS }).enter();
    assert.equal(guest.call(VCPU_OP, INITIALISE, 1, guest.context()), 0);
    assert.equal(guest.call(VCPU_OP, UP, 1), 0);
    for (let n = 0; n < VCPUS; n++) guest.call(VCPU_OP, STOP_PERIODIC_TIMER, n);
    const model = new Domain(guest.domid, VCPUS, PAGES);
    this.machine.domains.set(model.id, model);
    return new Side(guest, model);
  }

  #pauseAll(): void {
    this.rig.inside.slice_end();
    for (const side of this.sides) this.rig.core.exports.domain_pause(side.guest.domid);
  }

  /** Makes a vCPU the running one; all others of the domain and the machine stand still. */
  enter(side: Side, vcpu = 0): void {
    const { inside, core } = this.rig;
    if (inside.inspect_current() === ((side.guest.domid << 16) | vcpu)) return;
    this.#pauseAll();
    core.exports.domain_unpause(side.guest.domid);
    side.guest.enter(vcpu);
  }

  /** Upcalls stay masked between steps: there is no handler here for them. */
  mask(side: Side): void {
    side.model.vcpus.forEach((v, n) => {
      v.masked = true;
      side.guest.setSharedByte(n * 64 + 1, 1);
    });
  }

  replace(slot: number): void {
    this.#end(this.sides[slot]);
    this.sides[slot] = this.#create();
  }

  #end(side: Side): void {
    this.#pauseAll();
    assert.equal(this.rig.core.exports.domain_destroy(side.guest.domid), 0);
    this.machine.closeAll(side.model);
    this.machine.domains.delete(side.model.id);
  }

  end(): void {
    for (const side of this.sides) {
      this.compareSignals(side);
      this.#end(side);
    }
  }

  compareSignals({ guest, model }: Side): void {
    const { core } = this.rig;
    const count = core.exports.host_evtchn_poll(guest.domid, core.mailbox, 1024);
    const got = Array.from(
      { length: count },
      (_, n) => core.view().getUint32(core.mailbox + n * 4, true),
    );
    assert.deepEqual(got, [...model.signals].sort((a, b) => a - b), "signals to the host");
    model.signals.clear();
  }

  compare(): void {
    for (const side of this.sides) this.#compareSide(side);
  }

  #compareSide(side: Side): void {
    const { guest, model } = side;
    const same = (got: number, expected: number, what: string) => {
      if (got !== expected) assert.equal(got, expected, `${what} of domain ${model.id}`);
    };
    const pending = bitmap(model.pending), masked = bitmap(model.masked);
    for (let word = 0; word < 32; word++) {
      same(guest.shared(PENDING + word * 4), pending[word], `pending word ${word}`);
      same(guest.shared(MASK + word * 4), masked[word], `mask word ${word}`);
    }
    const { inspect_vcpu_state } = this.rig.inside as unknown as Inspect;
    model.vcpus.forEach((v, n) => {
      same(guest.sharedByte(n * 64), v.pending ? 1 : 0, `upcall_pending ${n}`);
      same(guest.shared(n * 64 + 4), v.selector >>> 0, `selector ${n}`);
      same(inspect_vcpu_state(model.id, n), STATES[v.waiting], `state of vCPU ${n}`);
    });
    for (const page of PAGES) {
      const got = side.words(page), expected = model.memory.get(page)!;
      if (Buffer.compare(bytes(got), bytes(expected)) === 0) continue;
      for (let n = 0; n < 1024; n++) same(got[n], expected[n], `word ${n} of page ${page}`);
    }
  }

  /** The status of the lower ports of a running domain, each by a hypercall. */
  compareStatus(side: Side): void {
    const { guest, model } = side;
    for (let port = 0; port < SHOWN; port++) {
      const at = guest.write(guest.va(5), 0x7ff0, port, 0, 0, 0, 0);
      assert.equal(guest.call(32, 5, at), 0, "status");
      const expected = this.machine.status(model, 0x7ff0, port);
      assert.ok(Array.isArray(expected));
      const got = expected.map((_, n) => guest.read(at + 8 + n * 4));
      assert.deepEqual(got, expected, `status of port ${port} of domain ${model.id}`);
    }
  }
}
