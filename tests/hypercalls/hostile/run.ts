/**
 * Several hostile domains at once, by seed: whatever they call, nothing traps in the core, every count
 * of every domain stays right, a domain that only counts goes on counting, and when all are destroyed
 * not a frame is missing.
 */
import assert from "node:assert/strict";
import { Random } from "../../random.ts";
import { type Guest, Rig } from "../rig.ts";
import { Calls } from "./calls.ts";
import { addCaller, addCounter, LIST, rounds, SHARED, STRUCT_PAGES, STRUCTS } from "./guest.ts";

const HOSTILE = 3;
/** Slices of one seed, and how many instructions they may have. */
const SLICES = 200, LONGEST = 6000;
/** Slices between new lists of calls. */
const ARMED = 16;
/** Slices within which the counter must have one. A new domain may be 200,000 instructions ahead of it. */
const TURNS = 60;
const RUNNING = 1;
/** Domain options: by the rules of 2007 or not, with grant tables of version 2 or not. */
const OPTIONS = [0, 4, 8, 12];

/** What happened, over all seeds. */
export interface Tally {
  calls: number;
  slices: number;
  ended: number;
}

class Hostile {
  guest!: Guest;
  private armed = false;
  private port = 0;

  constructor(private readonly rig: Rig, private readonly r: Random) {
    this.renew();
  }

  private renew(): void {
    this.guest = addCaller(this.rig, this.r.pick(OPTIONS));
    this.armed = false;
    this.port = this.rig.core.exports.host_evtchn_alloc(this.guest.domid);
    this.rig.core.exports.host_evtchn_bind(this.guest.domid, this.port);
    // shared_info, as a kernel maps it
    const { exports } = this.rig.core;
    const mfn = exports.domain_shared_info(this.guest.domid);
    this.guest.enter();
    assert.equal(this.guest.call(14, this.guest.va(SHARED), (mfn << 12) | 0x67, mfn >>> 20, 2), 0);
    this.rig.inside.slice_end();
  }

  /** Wakes it, should it sleep: the host's event, on a clean slate. */
  wake(): void {
    for (const at of [0, 64]) this.guest.setSharedByte(at, 0);
    for (const at of [4, 68]) this.guest.setShared(at, 0);
    for (let word = 0; word < 32; word++) this.guest.setShared(0x800 + word * 4, 0);
    this.rig.core.exports.host_evtchn_notify(this.guest.domid, this.port);
  }

  replace(): void {
    this.rig.inside.slice_end();
    this.rig.core.exports.domain_destroy(this.guest.domid);
    this.renew();
  }

  /** New calls for it; or another in its place, if it made none of the last ones: it is over, asleep, or lost. */
  arm(others: Guest[], tally: Tally): void {
    const { rig, r } = this;
    const view = (page: number) => {
      const at = rig.core.frameAddress(this.guest.mfns[page]);
      return new DataView(rig.core.bytes().buffer, at, 4096);
    };
    if (this.armed) {
      const made = this.guest.state === RUNNING ? Calls.made(view(LIST)) : 0;
      tally.calls += made;
      if (!made) this.replace();
    }
    this.armed = true;
    const calls = new Calls(r, {
      mfns: this.guest.mfns,
      foreign: others.flatMap((o) => o.mfns.slice(0, 24)),
      shared: rig.core.exports.domain_shared_info(this.guest.domid),
      domids: [this.guest.domid, ...others.map((o) => o.domid)],
    });
    calls.fill(view(LIST), Array.from({ length: STRUCT_PAGES }, (_, n) => view(STRUCTS + n)));
  }
}

/** The first thing the audit found: what, frame, and two words (pagetables/audit.ts). */
function finding({ core }: Rig): string {
  return [0, 4, 8, 12].map((at) => core.view().getUint32(core.mailbox + at, true)).join(" ");
}

function auditAll(rig: Rig, guests: Guest[]): void {
  for (const { domid } of guests) {
    if (rig.inside.audit(domid)) throw new Error(`audit of domain ${domid}: ${finding(rig)}`);
  }
}

let shared: Promise<Rig> | undefined;

/** @returns what went wrong, "" if nothing did */
export async function runHostile(seed: number, tally: Tally): Promise<string> {
  let slice = 0;
  try {
    const rig = await (shared ??= Rig.create(HOSTILE + 2));
    const r = new Random(seed);
    const { exports } = rig.core;
    const free = rig.inside.machine_free_frames();
    const counter = addCounter(rig);
    const hostile = Array.from({ length: HOSTILE }, () => new Hostile(rig, r));
    rig.inside.slice_end();
    const guests = () => [counter, ...hostile.map((h) => h.guest)];
    for (; slice < SLICES; slice++) {
      if (slice % ARMED === 0) {
        for (const h of hostile) h.arm(guests().filter((g) => g !== h.guest), tally);
      }
      exports.machine_run(rig.now + 1_000_000n, 1 + r.below(LONGEST));
      auditAll(rig, guests());
      for (const h of hostile) {
        if (h.guest.state === RUNNING) {
          h.wake();
          continue;
        }
        tally.ended++;
        h.replace();
      }
    }
    // whoever else there is, it is the counter's turn again and again
    const counted = rounds(counter);
    for (let n = 0; n < TURNS && rounds(counter) === counted; n++) {
      exports.machine_run(rig.now + 1_000_000n, 50_000);
    }
    assert.ok(rounds(counter) > counted, "the counter does not count any more");
    assert.equal(counter.state, RUNNING, "the counter has ended");
    for (const { domid } of guests()) {
      exports.domain_destroy(domid);
    }
    assert.equal(rig.inside.machine_free_frames(), free, "frames are lost");
    tally.slices += slice;
    return "";
  } catch (error) {
    shared = undefined; // nothing is known of the machine any more
    return `seed ${seed}, slice ${slice}: ${(error as Error).stack}`;
  }
}
