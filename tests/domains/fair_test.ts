/** Shares of the processor: vCPUs that always want it get the same, whoever else sleeps. */
import assert from "node:assert/strict";
import { Rig } from "../hypercalls/rig.ts";
import { park } from "../traps/selectors.ts";

const VCPU_OP = 24, SCHED_OP = 29;
const GET_RUNSTATE = 4, BLOCK = 1;

Deno.test("spinning guests get equal shares within 5 %, a sleeping one none [domain.fair]", async () => {
  const rig = await Rig.create(5);
  const guests = Array.from({ length: 5 }, () => rig.addGuest());
  for (const guest of guests) park(guest.enter());
  const sleeper = guests.pop()!;
  sleeper.enter().call(SCHED_OP, BLOCK);
  rig.inside.slice_end();
  /** ns that the guest's vCPU was running for. */
  const time = (guest: typeof sleeper) => {
    assert.equal(guest.enter().call(VCPU_OP, GET_RUNSTATE, 0, guest.va(6)), 0);
    return guest.read64(guest.va(6, 12));
  };
  const before = guests.map(time);
  rig.inside.slice_end();
  for (let n = 0; n < 2000; n++) rig.core.exports.machine_run(0n, 20_000);
  const spent = guests.map((guest, n) => Number(time(guest) - before[n]));
  const fair = spent.reduce((sum, each) => sum + each, 0) / guests.length;
  assert.ok(fair > 1_000_000);
  for (const each of spent) assert.ok(Math.abs(each - fair) < 0.05 * fair, `${spent}`);
});
