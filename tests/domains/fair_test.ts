/** Shares of the processor: who always wants it gets the same, however its slices are cut short. */
import assert from "node:assert/strict";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { park } from "../traps/selectors.ts";

const VCPU_OP = 24, SCHED_OP = 29, EVENT_CHANNEL_OP = 32;
const INITIALISE = 0, UP = 1, BLOCK = 1, YIELD = 0, POLL = 3, SEND = 4;
/** Instructions in a slice. */
const SLICE = 20_000;

/** What the vCPUs of a domain had up to now, in instructions counted by the guests themselves. */
const counters = (guest: Guest, vcpus = 1) =>
  Array.from({ length: vcpus }, (_, n) => guest.read(guest.va(40, n * 4)));

const word = (n: number) => [n & 255, n >> 8 & 255, n >> 16 & 255, n >>> 24];
/** inc dword [counter n] */
const count = (guest: Guest, n = 0) => [0xff, 0x05, ...word(guest.va(40, n * 4))];
/** mov eax, nr; mov ebx, a; mov ecx, b; int 0x82 */
const call = (nr: number, a: number, b: number) => [
  ...[0xb8, ...word(nr), 0xbb, ...word(a), 0xb9, ...word(b), 0xcd, 0x82],
];
/** The code, for ever. */
const loop = (code: number[]) => [...code, 0xe9, ...word(-code.length - 5)];

/** Starts code on vCPU 0 of a guest. */
function begin(guest: Guest, code: number[]): void {
  park(guest.enter(), loop(code));
}

function assertFair(shares: number[], what: string): void {
  const fair = shares.reduce((sum, each) => sum + each, 0) / shares.length;
  assert.ok(fair > 10_000, `${what}: ${shares}`);
  for (const each of shares) assert.ok(Math.abs(each - fair) < 0.05 * fair, `${what}: ${shares}`);
}

/** What each vCPU counted while `slices` went by, `warm` others before them. */
function shares(rig: Rig, slices: number, read: () => number[], warm = 0): number[] {
  rig.inside.slice_end();
  for (let n = 0; n < warm; n++) rig.core.exports.machine_run(0n, SLICE);
  const before = read();
  for (let n = 0; n < slices; n++) rig.core.exports.machine_run(0n, SLICE);
  return read().map((now, n) => now - before[n]);
}

Deno.test("spinning guests get equal shares within 5 %, a sleeping one none [domain.fair]", async () => {
  const rig = await Rig.create(5);
  const guests = Array.from({ length: 5 }, () => rig.addGuest());
  for (const guest of guests) begin(guest, count(guest));
  const sleeper = guests.pop()!;
  sleeper.enter().call(SCHED_OP, BLOCK);
  const had = shares(rig, 2000, () => guests.flatMap((guest) => counters(guest)));
  assertFair(had, "spinners");
  assert.equal(counters(sleeper)[0], 0);
});

Deno.test("who ends its slices early by calling the host gets the same in the end, the host's turns included [domain.fair]", async () => {
  const rig = await Rig.create(2);
  const [spins, sends] = [rig.addGuest(), rig.addGuest()];
  begin(spins, count(spins));
  // each send to the host ends the slice; 400 instructions in between
  const port = rig.core.exports.host_evtchn_alloc(sends.domid);
  rig.core.exports.host_evtchn_bind(sends.domid, port);
  const arg = sends.write(sends.va(41), port);
  begin(sends, [...Array(400).fill(count(sends)).flat(), ...call(EVENT_CHANNEL_OP, SEND, arg)]);
  const [a, b] = shares(rig, 20_000, () => [spins, sends].flatMap((g) => counters(g)));
  // spins counts every second instruction; the other pays for the hypercall and for the host's turn
  assertFair([a * 2, b * (400 + 4 + 100 + 5000) / 400], "sender");
});

Deno.test("a yield lets another go first, once [domain.fair] [sched_op.yield]", async () => {
  const rig = await Rig.create(3);
  const [one, two, yields] = Array.from({ length: 3 }, () => rig.addGuest());
  for (const guest of [one, two]) begin(guest, count(guest));
  begin(yields, [...count(yields), ...call(SCHED_OP, YIELD, 0)]);
  const read = () => [one, two, yields].flatMap((guest) => counters(guest));
  const [a, b, yielded] = shares(rig, 4000, read);
  assertFair([a, b], "the others");
  // it has had least, so after each slice of another it is its turn again
  assert.ok(Math.abs(yielded - 2000) < 20, `${yielded}`);
});

Deno.test("32 vCPUs of one domain and one of another get equal shares [domain.fair] [vcpu_op.up] [vcpu_op.initialise]", async () => {
  const rig = await Rig.create(2);
  const many = rig.addGuest({ vcpus: 32 }), one = rig.addGuest();
  begin(one, count(one));
  begin(many, count(many));
  // each counts at a place of its own, which its ECX holds: inc dword [ecx]
  const code = many.va(33);
  rig.core.frame(many.mfns[33]).set(loop([0xff, 0x01]));
  for (let n = 1; n < 32; n++) {
    const context = many.context((view) => {
      view.setUint32(0x204 + 0x20, code, true);
      view.setUint32(0x204 + 4, many.va(40, n * 4), true);
    });
    assert.equal(many.enter().call(VCPU_OP, INITIALISE, n, context), 0);
    assert.equal(many.call(VCPU_OP, UP, n), 0);
  }
  const had = shares(rig, 3300, () => [...counters(many, 32), ...counters(one)], 4000);
  assertFair(had, "vCPUs");
});

Deno.test("who slept is let in soon, but does not make up for all of it [domain.fair] [sched_op.poll]", async () => {
  const rig = await Rig.create(2);
  const [spins, sleeps] = [rig.addGuest(), rig.addGuest()];
  begin(spins, count(spins));
  begin(sleeps, count(sleeps));
  const port = rig.core.exports.host_evtchn_alloc(sleeps.domid);
  rig.core.exports.host_evtchn_bind(sleeps.domid, port);
  const ports = sleeps.write(sleeps.va(42), port);
  sleeps.enter().call(SCHED_OP, POLL, sleeps.write(sleeps.va(41), ports, 1, 0, 0));
  assert.equal(shares(rig, 1000, () => counters(sleeps))[0], 0);
  rig.core.exports.host_evtchn_notify(sleeps.domid, port);
  const both = () => [...counters(sleeps), ...counters(spins)];
  const soon = shares(rig, 4, both);
  assert.ok(soon[0] > soon[1], `${soon}`);
  assertFair(shares(rig, 2000, both, 20), "afterwards");
});

Deno.test("among equals it is the next one's turn, and not twice the same one's [domain.fair]", async () => {
  const rig = await Rig.create(3);
  const guests = [rig.addGuest(), rig.addGuest(), rig.addGuest()].map(({ domid }) => domid);
  const order: number[] = [];
  for (let n = 0; n < 12; n++) {
    rig.inside.slice_begin(0n, SLICE);
    order.push(rig.inside.inspect_current() >> 16);
    rig.endSlice(); // as if it had used all of it
  }
  assert.deepEqual(order, [guests, guests, guests, guests].flat());
});
