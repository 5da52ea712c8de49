/** A large domain's memory goes back in pieces; what is asked for meanwhile comes out right. */
import assert from "node:assert/strict";
import { createMachine, type Machine } from "paravane";
import { PIECE } from "../../core/host/reclaim.ts";
import { spin } from "./rig.ts";

/** Of so many pieces. */
const PIECES = 4;
const LARGE = { memory: PIECES * PIECE / 256, paused: true };

/** Frames that are free or could be had. */
const left = (machine: Machine) => {
  const { machine_size, machine_free_frames } = machine.core.exports;
  return machine_size() - machine_free_frames();
};

/** Has the machine tell how many frames each piece gives back. */
function watch(machine: Machine): number[] {
  const pieces: number[] = [];
  const exports = { ...machine.core.exports };
  const { machine_reclaim, machine_free_frames } = exports;
  exports.machine_reclaim = (frames) => {
    const before = machine_free_frames();
    const result = machine_reclaim(frames);
    pieces.push(machine_free_frames() - before);
    return result;
  };
  (machine.core as { exports: typeof exports }).exports = exports;
  return pieces;
}

/** Waits for all memory to go back, as the next domain would. */
const settled = (machine: Machine) =>
  (machine as unknown as { reclaim: { settled: Promise<void> } }).reclaim.settled;

Deno.test("a large domain goes at once for everybody, and its memory in pieces", async () => {
  await using machine = await createMachine();
  const pieces = watch(machine);
  const before = await machine.addDomain(spin, { memory: 8, paused: true }).then(() =>
    left(machine)
  );
  const domain = await machine.addDomain(spin, LARGE);
  machine.destroyDomain(domain);
  assert.equal((await domain.shutdown).name, "destroyed");
  assert.throws(() => domain.vcpu(), { name: "StateError" });
  assert.equal(machine.xenstore.read(`/local/domain/${domain.id}/name`), null);
  await settled(machine);
  assert.ok(pieces.length > PIECES, `${pieces.length} pieces`);
  assert.ok(pieces.every((frames) => frames <= PIECE), `${pieces}`);
  assert.equal(left(machine), before);
});

Deno.test("a small one's memory is back at once", async () => {
  await using machine = await createMachine();
  await machine.addDomain(spin, { memory: 8, paused: true });
  const before = left(machine);
  const domain = await machine.addDomain(spin, { memory: 16, paused: true });
  machine.destroyDomain(domain);
  assert.equal(left(machine), before);
});

Deno.test("in virtual time a large one's is, too: a guest could see how far it is", async () => {
  await using machine = await createMachine({ time: "virtual" });
  await machine.addDomain(spin, { memory: 8, paused: true });
  const before = left(machine);
  const domain = await machine.addDomain(spin, LARGE);
  machine.destroyDomain(domain);
  assert.equal(left(machine), before);
});

Deno.test("two large ones, destroyed one while the other's memory goes back; the next domain takes what they had", async () => {
  await using machine = await createMachine();
  const domains = [await machine.addDomain(spin, LARGE), await machine.addDomain(spin, LARGE)];
  const size = machine.core.exports.machine_size();
  machine.destroyDomain(domains[0]);
  machine.destroyDomain(domains[0]);
  const third = machine.addDomain(spin, { ...LARGE, memory: LARGE.memory * 2 });
  machine.destroyDomain(domains[1]);
  const { id } = await third;
  assert.equal(machine.core.exports.audit(id), 0);
  // a domain's overhead is counted once now, and twice before
  assert.equal(machine.core.exports.machine_size(), size);
});

Deno.test("a signal that is aborted while the next domain waits for memory: its reason, and no domain", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(spin, LARGE);
  const abort = new AbortController();
  machine.destroyDomain(domain);
  const next = machine.addDomain(spin, { memory: 8, signal: abort.signal });
  abort.abort(new Error("enough"));
  await assert.rejects(next, /enough/);
  await settled(machine);
  const after = await machine.addDomain(spin, { memory: 8 });
  assert.equal(machine.core.exports.audit(after.id), 0);
});

Deno.test("a domain that is given up while it is made goes back in pieces as well", async () => {
  await using machine = await createMachine();
  await machine.addDomain(spin, { memory: 8, paused: true });
  const before = left(machine);
  const pieces = watch(machine);
  const abort = new AbortController();
  const making = machine.addDomain(spin, { ...LARGE, signal: abort.signal });
  const { domain_frames } = machine.core.exports;
  // most of it is the domain's by now, whose number is the next
  while (domain_frames(2) < (PIECES - 2) * PIECE) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  abort.abort(new Error("enough"));
  await assert.rejects(making, /enough/);
  await settled(machine);
  assert.ok(pieces.length > PIECES / 2, `${pieces.length} pieces`);
  assert.equal(left(machine), before);
});

Deno.test("the machine closes while memory goes back, and while a domain waits for it", async () => {
  const machine = await createMachine();
  const domain = await machine.addDomain(spin, LARGE);
  machine.destroyDomain(domain);
  const next = machine.addDomain(spin, { memory: 8 });
  const refused = assert.rejects(next, { name: "StateError", code: "machine-closed" });
  await machine.close();
  await refused;
});
