/** The memory of a domain that was killed goes back in pieces, and for everybody else the domain is gone at once. */
import assert from "node:assert/strict";
import {
  addGranter,
  grant,
  GRANTED,
  grantMap,
  grantUnmap,
  OKAY,
  PERMIT,
  WINDOW,
} from "../hypercalls/grants.ts";
import { Rig } from "../hypercalls/rig.ts";
import { destroy, free, kill, reclaim } from "./lives.ts";

const ESRCH = -3, EBUSY = -16;

Deno.test("each piece is bounded, and together they give everything back [domain.destroy]", async () => {
  const rig = await Rig.create(3);
  const before = free(rig);
  const guest = rig.addGuest();
  const taken = before - free(rig);
  kill(rig, guest);
  let pieces = 1;
  let last = free(rig);
  while (reclaim(rig, 16)) {
    assert.ok(free(rig) - last <= 16, `${free(rig) - last} frames at once`);
    last = free(rig);
    pieces++;
  }
  assert.equal(free(rig), before);
  assert.ok(pieces >= taken / 16, `${pieces} pieces for ${taken} frames`);
  assert.equal(reclaim(rig, 16), false);
});

Deno.test("a killed domain is none, but its number is taken until its memory has gone back [domain.destroy]", async () => {
  const rig = await Rig.create(4);
  const { exports } = rig.core;
  const guest = rig.addGuest();
  kill(rig, guest);
  for (const each of [exports.domain_kill, exports.domain_destroy, exports.domain_unpause]) {
    assert.equal(each(guest.domid), ESRCH);
  }
  assert.equal(exports.host_evtchn_alloc(guest.domid), ESRCH);
  // as many as there are numbers: not one of them is its own
  for (let n = 0; n < 200; n++) {
    const domid = exports.domain_create(1, 16, 0);
    assert.ok(domid > 0 && domid !== guest.domid, `${domid}`);
    assert.equal(exports.domain_destroy(domid), 0);
  }
  while (reclaim(rig, 1000));
  const given = new Set<number>();
  for (let n = 0; n < 200; n++) {
    const domid = exports.domain_create(1, 16, 0);
    given.add(domid);
    exports.domain_destroy(domid);
  }
  assert.ok(given.has(guest.domid));
});

Deno.test("two that were killed, one of them while the other's memory goes back [domain.destroy]", async () => {
  const rig = await Rig.create(4);
  const before = free(rig);
  const [first, second, third] = [rig.addGuest(), rig.addGuest(), rig.addGuest()];
  kill(rig, first);
  reclaim(rig, 100);
  kill(rig, second);
  reclaim(rig, 100);
  // a third goes at once
  destroy(rig, third);
  while (reclaim(rig, 100));
  assert.equal(free(rig), before);
});

Deno.test("what another has mapped stays mapped, and may go at any moment [domain.destroy_mapped]", async () => {
  const rig = await Rig.create(3);
  const before = free(rig);
  // before the first piece, and after each of those that follow
  for (let after = 0; after < 60; after++) {
    const owner = addGranter(rig), user = addGranter(rig);
    owner.write(owner.va(GRANTED), 0x600df00d);
    grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
    user.enter();
    const { status, handle } = grantMap(user, { dom: owner.domid, ref: 9, at: user.va(WINDOW) });
    assert.equal(status, OKAY);
    kill(rig, owner);
    for (let n = 0; n < after; n++) reclaim(rig, 8);
    user.enter();
    const there = rig.core.frameAddress(owner.mfns[GRANTED]);
    assert.equal(rig.core.view().getUint32(there, true), 0x600df00d);
    assert.equal(grantUnmap(user, handle, user.va(WINDOW)), OKAY);
    assert.equal(rig.inside.audit(user.domid), 0);
    while (reclaim(rig, 8));
    destroy(rig, user);
    assert.equal(free(rig), before, `let go after ${after} pieces`);
  }
});

Deno.test("not while a slice runs", async () => {
  const rig = await Rig.create(3);
  const guest = rig.addGuest(), other = rig.addGuest();
  kill(rig, guest);
  other.enter();
  assert.equal(rig.core.exports.machine_reclaim(10), EBUSY);
  assert.equal(rig.core.exports.domain_kill(other.domid), EBUSY);
  assert.equal(reclaim(rig, 10), true);
});
