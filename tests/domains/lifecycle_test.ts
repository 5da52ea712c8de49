/** Domains made, limited, paused and destroyed, whatever they are in the middle of: nothing is lost. */
import assert from "node:assert/strict";
import {
  addGranter,
  flags,
  grant,
  GRANT_TABLE_OP,
  GRANTED,
  grantMap,
  grantUnmap,
  OKAY,
  PERMIT,
  READING,
  SETUP_TABLE,
  signed,
  WINDOW,
  WRITING,
} from "../hypercalls/grants.ts";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";
import { destroy, event, free } from "./lives.ts";

const MEMORY_OP = 12, POPULATE = 6, DECREASE = 1;
const BIND_INTERDOMAIN = 0, SEND = 4, STATUS = 5, ALLOC_UNBOUND = 6, INIT_CONTROL = 11;
const ENOSPC = -28;
const UNBOUND = 1, INTERDOMAIN = 2;

Deno.test("a paused domain does not run, an unpaused one goes on [domain.pause]", async () => {
  const rig = await Rig.create(2);
  const guest = rig.addGuest(), other = rig.addGuest();
  const { domain_pause, domain_unpause } = rig.core.exports;
  const runs = () => {
    const seen = new Set<number>();
    for (let n = 0; n < 20; n++) {
      rig.turn();
      rig.inside.slice_begin(0n, 1000);
      seen.add(rig.inside.inspect_current() >> 16);
    }
    rig.inside.slice_end();
    return seen;
  };
  assert.ok(runs().has(guest.domid));
  assert.equal(domain_pause(guest.domid), 0);
  assert.equal(domain_pause(guest.domid), 0);
  assert.deepEqual([...runs()], [other.domid]);
  // what happens to it meanwhile is there when it goes on
  other.enter();
  const { words } = event(other, ALLOC_UNBOUND, SELF | guest.domid << 16, 0);
  rig.inside.slice_end();
  assert.equal(domain_unpause(guest.domid), 0);
  assert.equal(domain_unpause(guest.domid), 0);
  guest.enter();
  assert.equal(event(guest, BIND_INTERDOMAIN, other.domid, words[1], 0).result, 0);
  rig.inside.slice_end();
  domain_pause(other.domid);
  domain_pause(guest.domid);
  assert.equal(rig.turn(), 0, "nobody is left");
  for (const each of [domain_pause, domain_unpause]) assert.equal(each(77), -3);
});

Deno.test("each domain has limits of its own: memory, grant frames, mappings, channels [domain.several]", async () => {
  const rig = await Rig.create(3);
  const small = rig.addGuest(), other = addGranter(rig);
  assert.equal(rig.core.exports.domain_set_limits(small.domid, 2, 3, 5), 0);
  small.enter();
  const setup = (guest: Guest, frames: number) => {
    const arg = guest.write(guest.va(5), SELF, frames, 0, guest.va(7));
    assert.equal(guest.call(GRANT_TABLE_OP, SETUP_TABLE, arg, 1), 0);
    return signed(guest.read(arg + 8));
  };
  assert.deepEqual([setup(small, 2), setup(small, 3)], [OKAY, -1]);
  const query = small.write(small.va(5), SELF, 0, 0, 0);
  assert.equal(small.call(GRANT_TABLE_OP, 6, query, 1), 0);
  assert.deepEqual([small.read(query + 4), small.read(query + 8)], [2, 2]);
  const ports = Array.from(
    { length: 6 },
    () => event(small, ALLOC_UNBOUND, SELF | SELF << 16, 0).result,
  );
  assert.deepEqual(ports, [0, 0, 0, 0, 0, ENOSPC]);
  other.enter();
  for (let n = 0; n < 4; n++) grant(other, 9 + n, PERMIT, small.domid, other.mfns[GRANTED + n]);
  assert.equal(setup(other, 3), OKAY);
  small.enter();
  const maps = [0, 1, 2, 3].map((n) =>
    grantMap(small, { dom: other.domid, ref: 9 + n, at: small.va(WINDOW + n) }).status
  );
  assert.deepEqual(maps, [OKAY, OKAY, OKAY, -7]);
  // the rig gives 16 frames more than a guest begins with
  const list = Array.from({ length: 17 }, (_, n) => 200 + n);
  small.write(small.va(7), ...list);
  const reservation = small.write(small.va(5), small.va(7), 17, 0, 0, SELF);
  assert.equal(small.call(MEMORY_OP, POPULATE, reservation), 16);
});

Deno.test("frames that others have mapped stay theirs after the domain's end, and are free with the last mapping [domain.destroy_mapped] [domain.destroy]", async () => {
  const rig = await Rig.create(5);
  const user = addGranter(rig);
  const before = free(rig);
  const owner = addGranter(rig);
  owner.write(owner.va(GRANTED), 0x600df00d);
  for (const ref of [9, 10]) grant(owner, ref, PERMIT, user.domid, owner.mfns[GRANTED]);
  grant(owner, 11, PERMIT, user.domid, owner.mfns[GRANTED + 1]);
  user.enter();
  const own = user.mfns[WINDOW];
  const handles = [9, 10, 11].map((ref, n) => {
    const { status, handle } = grantMap(user, { dom: owner.domid, ref, at: user.va(WINDOW + n) });
    assert.equal(status, OKAY);
    return handle;
  });
  destroy(rig, owner);
  user.enter();
  assert.equal(free(rig), before - 2, "two frames are still mapped");
  assert.equal(rig.inside.audit(user.domid), 0);
  assert.equal(
    rig.core.view().getUint32(rig.core.frameAddress(owner.mfns[GRANTED]), true),
    0x600df00d,
  );
  // its number is another's soon, who must not get what is mapped
  const next = rig.addGuest();
  assert.ok(
    !next.mfns.includes(owner.mfns[GRANTED]) && !next.mfns.includes(owner.mfns[GRANTED + 1]),
  );
  user.enter();
  assert.equal(grantUnmap(user, handles[0]), OKAY);
  assert.equal(grantUnmap(user, handles[0]), -4);
  assert.equal(grantUnmap(user, handles[1], user.va(WINDOW + 1)), OKAY);
  destroy(rig, next);
  assert.equal(free(rig), before - 1);
  // the user's own end gives the last one back
  destroy(rig, user);
  assert.ok(own);
  const all = await Rig.create(5);
  assert.equal(free(rig), free(all));
});

Deno.test("a domain that ends lets go of what it had mapped and joined [domain.destroy] [event.interdomain]", async () => {
  const rig = await Rig.create(3);
  const owner = addGranter(rig), user = addGranter(rig);
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  owner.enter();
  const port = event(owner, ALLOC_UNBOUND, SELF | user.domid << 16, 0).words[1];
  user.enter();
  assert.equal(grantMap(user, { dom: owner.domid }).status, OKAY);
  assert.equal(event(user, BIND_INTERDOMAIN, owner.domid, port, 0).result, 0);
  assert.equal(flags(owner, 9), PERMIT | READING | WRITING);
  owner.enter();
  const status = () => event(owner, STATUS, SELF, port, 0, 0, 0, 0).words.slice(2);
  assert.deepEqual(status().slice(0, 1), [INTERDOMAIN]);
  destroy(rig, user);
  owner.enter();
  assert.equal(flags(owner, 9), PERMIT);
  assert.deepEqual([status()[0], status()[2] & 0xffff], [UNBOUND, user.domid]);
  assert.equal(event(owner, SEND, port).result, 0);
  assert.equal(rig.inside.audit(owner.domid), 0);
});

Deno.test("a long hypercall that the end cut short leaves nothing behind [domain.destroy]", async () => {
  const rig = await Rig.create(2);
  const before = free(rig);
  const guest = rig.addGuest();
  // 16 decreases of a slice that is over after the first of them
  guest.enter();
  guest.write(guest.va(7), ...guest.mfns.slice(40, 56));
  const arg = guest.write(guest.va(5), guest.va(7), 16, 0, 0, SELF);
  rig.inside.slice_end();
  rig.inside.slice_begin(0n, 1);
  guest.enter();
  assert.equal(guest.call(MEMORY_OP, DECREASE, arg), MEMORY_OP, "to be called again");
  destroy(rig, guest);
  assert.equal(free(rig), before);
});

Deno.test("domains come and go 600 times: the core's heap and the machine's frames stay as they were [domain.destroy]", async () => {
  const rig = await Rig.create(4);
  let heap = 0, frames = 0;
  for (let n = 0; n < 600; n++) {
    const [a, b] = [addGranter(rig), addGranter(rig)];
    grant(a, 9, PERMIT, b.domid, a.mfns[GRANTED]);
    b.enter();
    assert.equal(grantMap(b, { dom: a.domid }).status, OKAY);
    assert.equal(event(b, INIT_CONTROL, b.mfns[50], 0, 0, 0, 0, 0).result, 0);
    assert.equal(b.call(18, 0, 5, b.va(50)), b.call(18, 0, 5, b.va(50)));
    const [first, second] = n & 1 ? [a, b] : [b, a];
    destroy(rig, first);
    destroy(rig, second);
    // by then every number has been used, and what was made for one domain has served all purposes
    if (n < 100) [heap, frames] = [rig.inside.heap_used(), free(rig)];
    assert.deepEqual([rig.inside.heap_used(), free(rig)], [heap, frames], `round ${n}`);
  }
});

Deno.test("a grant table used from end to end takes frames of the machine's, not the core's heap, and gives them back [domain.destroy]", async () => {
  const rig = await Rig.create(4);
  const user = addGranter(rig);
  grantMap(user, { dom: user.domid }); // its own handles come from the heap, once
  const before = free(rig);
  const owner = addGranter(rig);
  rig.inside.slice_end();
  const heap = rig.inside.heap_used();
  owner.enter();
  const list = owner.va(7);
  const arg = owner.write(owner.va(5), SELF, 64, 0, list);
  assert.equal(owner.call(GRANT_TABLE_OP, SETUP_TABLE, arg, 1), 0);
  assert.equal(signed(owner.read(arg + 8)), OKAY);
  const frames = Array.from({ length: 64 }, (_, n) => owner.read(list + n * 4));
  const view = rig.core.view();
  const refs = Array.from({ length: 128 }, (_, n) => n * 256 + 9);
  for (const ref of refs) {
    const entry = rig.core.frameAddress(frames[ref >> 9]) + (ref & 511) * 8;
    view.setUint32(entry, PERMIT | user.domid << 16, true);
    view.setUint32(entry + 4, owner.mfns[GRANTED], true);
  }
  user.enter();
  const handles = refs.map((ref) => {
    const { status, handle } = grantMap(user, { dom: owner.domid, ref });
    assert.equal(status, OKAY, `ref ${ref}`);
    return handle;
  });
  assert.equal(new Set(handles).size, 128);
  assert.equal(rig.inside.heap_used(), heap);
  destroy(rig, owner);
  assert.equal(free(rig), before - 1, "only the frame that is still mapped");
  assert.equal(rig.inside.audit(user.domid), 0);
});
