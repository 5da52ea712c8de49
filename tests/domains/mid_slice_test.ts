/** What happens to a domain while a slice runs: by the host, in a callback; by another's hypercall; twice. */
import assert from "node:assert/strict";
import { C_BUDGET, CPU, R_SP } from "../../core/wasm/layout.ts";
import { type Guest, Rig, UNMAPPED } from "../hypercalls/rig.ts";

const IRET = 23, VCPU_OP = 24, SCHED_OP = 29;
const SINGLESHOT = 8;
const SHUTDOWN = 2, WATCHDOG = 6;
const PAUSED = 0, RUNNING = 1, ENDED = 2;
const REBOOT = 1, POWEROFF = 0, CRASH = 3, BY_WATCHDOG = 4;

const shutdown = (guest: Guest, reason: number) =>
  guest.call(SCHED_OP, SHUTDOWN, guest.write(guest.va(5), reason));

/** A return to nowhere, for which a domain ends. */
function crash(guest: Guest): void {
  guest.rig.core.view().setBigUint64(CPU + R_SP, BigInt(UNMAPPED), true);
  guest.call(IRET);
}

const reason = (guest: Guest) => guest.rig.core.exports.domain_crash_reason(guest.domid);

/** Whom slices are given to, for a while. */
function whoRuns(rig: Rig): number[] {
  const seen = new Set<number>();
  rig.inside.slice_end();
  for (let n = 0; n < 10; n++) {
    rig.inside.slice_begin(0n, 200_000);
    seen.add(rig.inside.inspect_current() >> 16);
    rig.endSlice();
  }
  return [...seen];
}

Deno.test("a domain that is paused in the middle of its slice stops there [domain.pause]", async () => {
  const rig = await Rig.create(2);
  const other = rig.addGuest(), guest = rig.addGuest().enter();
  rig.core.exports.domain_pause(other.domid);
  assert.ok(!guest.stopped, "another one's pause is nothing to it");
  rig.core.exports.domain_pause(guest.domid);
  assert.ok(guest.stopped);
  rig.core.exports.domain_unpause(other.domid);
  assert.deepEqual(whoRuns(rig), [other.domid]);
  assert.equal(guest.state, PAUSED);
  rig.core.exports.domain_unpause(guest.domid);
  assert.deepEqual(whoRuns(rig).toSorted(), [other.domid, guest.domid].toSorted());
});

Deno.test("what ends a domain ends it for good, though it was paused in that slice [domain.pause] [domain.crash] [sched_op.shutdown]", async () => {
  for (const how of ["shutdown", "crash"]) {
    const rig = await Rig.create(2);
    const other = rig.addGuest(), guest = rig.addGuest().enter();
    rig.core.exports.domain_pause(guest.domid);
    if (how === "crash") crash(guest);
    else shutdown(guest, REBOOT);
    assert.deepEqual([guest.state, guest.code], [ENDED, how === "crash" ? CRASH : REBOOT]);
    assert.equal(rig.inside.slice_end(), 2, "the host is told");
    assert.equal(rig.core.exports.domain_unpause(guest.domid), 0);
    assert.equal(guest.state, ENDED);
    assert.deepEqual(whoRuns(rig), [other.domid]);
  }
});

Deno.test("of two ends in one slice the first counts, and a crash that comes second is none [domain.crash] [sched_op.shutdown]", async () => {
  const rig = await Rig.create(2);
  const first = rig.addGuest(), second = rig.addGuest();
  shutdown(first.enter(), POWEROFF);
  crash(first);
  shutdown(first, REBOOT);
  assert.deepEqual([first.state, first.code, reason(first)], [ENDED, POWEROFF, 0]);
  crash(second.enter());
  const why = reason(second);
  assert.notEqual(why, 0);
  shutdown(second, REBOOT);
  assert.deepEqual([second.state, second.code, reason(second)], [ENDED, CRASH, why]);
});

Deno.test("a watchdog that runs out in another domain's slice ends its own domain only [sched_op.watchdog]", async () => {
  const rig = await Rig.create(2);
  const watched = rig.addGuest(), guest = rig.addGuest();
  assert.equal(watched.enter().call(SCHED_OP, WATCHDOG, watched.write(watched.va(5), 0, 1)), 1);
  guest.enter();
  // the slice takes longer than a second
  const view = rig.core.view();
  view.setInt32(CPU + C_BUDGET, view.getInt32(CPU + C_BUDGET, true) - 1_100_000_000, true);
  assert.equal(watched.state, RUNNING);
  // a timer that is due at once: all that are due are looked at
  const past = guest.write(guest.va(5), 0, 0, 0);
  assert.equal(guest.call(VCPU_OP, SINGLESHOT, 0, past), 0);
  assert.deepEqual([watched.state, watched.code], [ENDED, BY_WATCHDOG]);
  assert.deepEqual([guest.state, guest.stopped], [RUNNING, false]);
  assert.equal(rig.inside.slice_end(), 2);
  assert.deepEqual(whoRuns(rig), [guest.domid]);
});
