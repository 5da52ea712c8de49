/** Grants of a domain that was killed, while all its memory is still there: there is no such domain. */
import assert from "node:assert/strict";
import { kill, reclaim } from "../domains/lives.ts";
import {
  addGranter,
  ARGS,
  BAD_DOMAIN,
  COPY,
  GENERAL,
  grant,
  GRANT_TABLE_OP,
  GRANTED,
  grantMap,
  OKAY,
  PERMIT,
  SET_VERSION,
  SETUP_TABLE,
  signed,
  TABLE,
} from "./grants.ts";
import { type Guest, Rig, SELF } from "./rig.ts";

const TRANSITIVE = 3;
const SOURCE = 1, DEST = 2;

/** Copies a few bytes between entry 9 of another domain and a page of its own. */
function copy(guest: Guest, domid: number, way: typeof SOURCE | typeof DEST): number {
  const [granted, own] = [[9, domid], [guest.mfns[GRANTED], SELF]];
  const ends = way === SOURCE ? [...granted, ...own] : [...own, ...granted];
  const arg = guest.enter().write(guest.va(ARGS), ...ends, 64 | way << 16, 0x7777);
  assert.equal(guest.call(GRANT_TABLE_OP, COPY, arg, 1), 0);
  return signed(guest.read(arg + 20));
}

Deno.test("nothing it granted is mapped or copied any more [grant_table_op.map_grant_ref] [grant_table_op.copy] [domain.destroy]", async () => {
  const rig = await Rig.create(2);
  const owner = addGranter(rig), user = addGranter(rig);
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  assert.deepEqual([copy(user, owner.domid, SOURCE), copy(user, owner.domid, DEST)], [OKAY, OKAY]);
  kill(rig, owner);
  const before = new Uint32Array(16).map((_, n) => owner.read(owner.va(GRANTED, n * 4)));
  user.enter().write(user.va(GRANTED), 0xdead);
  for (let piece = 0; piece < 3; piece++) {
    assert.equal(copy(user, owner.domid, SOURCE), BAD_DOMAIN);
    assert.equal(copy(user, owner.domid, DEST), BAD_DOMAIN);
    assert.equal(grantMap(user, { dom: owner.domid }).status, BAD_DOMAIN);
    const arg = user.write(user.va(ARGS), owner.domid, 1, 0x7777, user.va(ARGS, 64));
    assert.equal(user.call(GRANT_TABLE_OP, SETUP_TABLE, arg, 1), 0);
    assert.equal(signed(user.read(arg + 8)), BAD_DOMAIN);
    const after = new Uint32Array(16).map((_, n) => owner.read(owner.va(GRANTED, n * 4)));
    assert.deepEqual(after, before);
    assert.equal(rig.inside.audit(user.domid), 0);
    reclaim(rig, 1);
    user.enter();
  }
});

Deno.test("nobody passes on what it granted [grant_table_op.copy] [domain.destroy]", async () => {
  const rig = await Rig.create(3);
  const owner = addGranter(rig), middle = addGranter(rig, 8), user = addGranter(rig);
  const arg = middle.enter().write(middle.va(ARGS), 2);
  assert.equal(middle.call(GRANT_TABLE_OP, SET_VERSION, arg, 1), 0);
  grant(owner, 9, PERMIT, middle.domid, owner.mfns[GRANTED]);
  middle.write(middle.va(TABLE, 9 * 16), TRANSITIVE | user.domid << 16, owner.domid, 9, 0);
  assert.equal(copy(user, middle.domid, SOURCE), OKAY);
  kill(rig, owner);
  for (const way of [SOURCE, DEST] as const) assert.equal(copy(user, middle.domid, way), GENERAL);
  assert.equal(middle.read(middle.va(TABLE, 9 * 16)), TRANSITIVE | user.domid << 16);
  assert.equal(rig.inside.audit(user.domid), 0);
});
