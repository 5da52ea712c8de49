/** While a domain is made others run, and what gives up on it leaves nothing behind. */
import assert from "node:assert/strict";
import { createMachine, type Machine } from "paravane";
import { skiff, spin } from "./rig.ts";

/** Large enough that it is made in many turns. */
const LARGE = { memory: 64, ramdisk: new Uint8Array(40 << 20).fill(1) };

/** Frames that are free or could be had. */
const left = (machine: Machine) => {
  const { machine_size, machine_free_frames } = machine.core.exports;
  return machine_size() - machine_free_frames();
};

Deno.test("timers and other domains get their turns while a large domain is made", async () => {
  await using machine = await createMachine();
  await machine.addDomain(spin, { memory: 8 });
  const before = machine.core.retired();
  let during = 0;
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  const domain = await machine.addDomain(spin, LARGE);
  during = machine.core.retired() - before;
  clearInterval(timer);
  assert.ok(ticks > 0, "a timer fired");
  assert.ok(during > 0, "the other guest ran");
  assert.equal(machine.core.exports.audit(domain.id), 0);
});

Deno.test("domains that are asked for at once are made one after the other, and none takes another's room", async () => {
  await using machine = await createMachine();
  const asked = [LARGE, { memory: 8 }, LARGE, { memory: 16, maxMemory: 32 }];
  const domains = await Promise.all(asked.map((options) => machine.addDomain(spin, options)));
  assert.deepEqual(domains.map(({ id }) => id).sort(), [1, 2, 3, 4]);
  for (const { id } of domains) assert.equal(machine.core.exports.audit(id), 0);
  // the frames that the last one may grow to are there still
  assert.ok(machine.core.exports.machine_free_frames() >= 16 * 256);
});

Deno.test("a signal that is aborted while a domain is made: its reason, and all memory is back", async () => {
  await using machine = await createMachine();
  await machine.addDomain(spin, { memory: 8 });
  const used = left(machine);
  const abort = new AbortController();
  const made = machine.addDomain(spin, { ...LARGE, signal: abort.signal });
  const reason = new Error("enough");
  setTimeout(() => abort.abort(reason), 0);
  await assert.rejects(made, (error) => error === reason);
  assert.equal(left(machine), used);
  const next = await machine.addDomain(skiff, { memory: 16 });
  assert.ok(next.running);
});

Deno.test("a machine that is closed while a domain is made waits until that is over", async () => {
  const machine = await createMachine();
  await machine.addDomain(spin, { memory: 8 });
  const made = machine.addDomain(spin, LARGE);
  const refused = assert.rejects(made, { name: "StateError", code: "machine-closed" });
  await new Promise((resolve) => setTimeout(resolve, 0));
  await machine.close();
  await refused;
  const { domain_state } = machine.core.exports;
  const GONE = 3;
  assert.deepEqual([domain_state(1), domain_state(2)], [GONE, GONE]);
});
