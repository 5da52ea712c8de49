/** Grant tables when the machine has no frames left: what cannot be done is not done in part either. */
import assert from "node:assert/strict";
import { destroy, free } from "../domains/lives.ts";
import {
  addGranter,
  ARGS,
  COPY,
  flags,
  GENERAL,
  grant,
  GRANT_TABLE_OP,
  GRANTED,
  grantMap,
  grantUnmap,
  OKAY,
  PERMIT,
  QUERY_SIZE,
  SET_VERSION,
  SETUP_TABLE,
  signed,
  TABLE,
} from "./grants.ts";
import { type Guest, Rig, SELF } from "./rig.ts";

const ENOMEM = -12;
const STATUS_FRAMES = 9;
const V2 = 8;

function op(guest: Guest, cmd: number, ...words: number[]): number {
  return guest.call(GRANT_TABLE_OP, cmd, guest.write(guest.va(ARGS), ...words), 1);
}

/** A guest that holds the machine's memory, but for so many frames. */
class Hog {
  readonly #domid: number;
  #taken = 0;

  constructor(readonly rig: Rig) {
    this.#domid = rig.core.exports.domain_create(1, 1 << 20, 0);
    assert.ok(this.#domid > 0);
  }

  leave(frames: number): void {
    const { exports, mailbox } = this.rig.core;
    for (let n; (n = Math.min(256, free(this.rig) - frames)) > 0; this.#taken += n) {
      assert.equal(exports.domain_populate(this.#domid, this.#taken, n, mailbox), 0);
    }
    assert.equal(free(this.rig), frames);
  }

  end(): void {
    this.rig.inside.slice_end();
    assert.equal(this.rig.core.exports.domain_destroy(this.#domid), 0);
  }
}

function setup(guest: Guest, frames: number): number {
  assert.equal(op(guest.enter(), SETUP_TABLE, SELF, frames, 0x7777, guest.va(ARGS, 64)), 0);
  return signed(guest.read(guest.va(ARGS, 8)));
}

function size(guest: Guest): number {
  assert.equal(op(guest.enter(), QUERY_SIZE, SELF, 0, 0, 0x7777), 0);
  return guest.read(guest.va(ARGS, 4));
}

Deno.test("a table grows as far as it is to, or not at all [grant_table_op.setup_table]", async () => {
  const rig = await Rig.create(2);
  const guest = addGranter(rig);
  const hog = new Hog(rig);
  hog.leave(3);
  for (const frames of [5, 64]) {
    assert.equal(setup(guest, frames), GENERAL);
    assert.deepEqual([size(guest), free(rig)], [1, 3]);
  }
  assert.equal(rig.inside.audit(guest.domid), 0);
  assert.deepEqual([setup(guest, 4), size(guest), free(rig)], [OKAY, 4, 0]);
  assert.equal(setup(guest, 5), GENERAL);
  hog.end();
  assert.deepEqual([setup(guest, 64), size(guest)], [OKAY, 64]);
  const frames = Array.from({ length: 64 }, (_, n) => guest.read(guest.va(ARGS, 64 + n * 4)));
  assert.deepEqual([new Set(frames).size, frames.includes(0)], [64, false]);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("in version 2 no frame of entries goes without its status words [grant_table_op.setup_table] [grant_table_op.get_status_frames] [option.gnttab_v2]", async () => {
  const rig = await Rig.create(2);
  const guest = addGranter(rig, V2);
  assert.equal(op(guest, SET_VERSION, 2), 0);
  const first = new Hog(rig);
  first.leave(1);
  assert.equal(setup(guest, 3), GENERAL, "there are status words enough, but not the entries");
  assert.deepEqual([size(guest), free(rig)], [1, 1]);
  first.end();
  assert.equal(setup(guest, 8), OKAY);
  const hog = new Hog(rig);
  const status = (frames: number) =>
    op(guest.enter(), STATUS_FRAMES, frames, SELF, guest.va(ARGS, 64)) ||
    guest.read(guest.va(ARGS, 4)) >> 16;
  hog.leave(1);
  assert.equal(setup(guest, 9), GENERAL, "room for the entries, but not for what is shown of them");
  assert.deepEqual([size(guest), status(1), status(2), free(rig)], [8, OKAY, GENERAL, 1]);
  hog.end();
  new Hog(rig).leave(2);
  assert.deepEqual([setup(guest, 9), size(guest), status(2)], [OKAY, 9, OKAY]);
  assert.ok(guest.read(guest.va(ARGS, 64 + 8)) !== 0);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("version 2 without memory for its status frames: the table stays as it is [grant_table_op.set_version] [errno.ENOMEM]", async () => {
  const rig = await Rig.create(2);
  const guest = addGranter(rig, V2);
  assert.equal(setup(guest, 9), OKAY);
  grant(guest, 3, PERMIT, 1, guest.mfns[GRANTED]);
  grant(guest, 9, PERMIT, 1, guest.mfns[GRANTED]);
  const hog = new Hog(rig);
  hog.leave(1); // it takes two
  assert.equal(op(guest.enter(), SET_VERSION, 2), ENOMEM);
  assert.equal(guest.read(guest.va(ARGS)), 1);
  assert.equal(free(rig), 1);
  for (const ref of [3, 9]) {
    assert.equal(guest.read(guest.va(TABLE, ref * 8)), PERMIT | 1 << 16);
    assert.equal(guest.read(guest.va(TABLE, ref * 8 + 4)), guest.mfns[GRANTED]);
  }
  assert.equal(op(guest, STATUS_FRAMES, 1, SELF, guest.va(ARGS, 64)), 0);
  assert.equal(guest.read(guest.va(ARGS, 4)) >> 16, GENERAL, "there are none");
  assert.equal(rig.inside.audit(guest.domid), 0);
  hog.end();
  assert.equal(op(guest.enter(), SET_VERSION, 2), 0);
});

Deno.test("an entry that cannot be remembered as in use is not used [grant_table_op.map_grant_ref] [grant_table_op.copy]", async () => {
  const rig = await Rig.create(3);
  const owner = addGranter(rig), user = addGranter(rig), other = rig.addGuest();
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  const hog = new Hog(rig);
  hog.leave(0);
  user.enter();
  const copy = () => {
    const ends = [9, owner.domid, user.mfns[GRANTED], SELF];
    const arg = user.write(user.va(ARGS), ...ends, 64 | 1 << 16, 0x7777);
    assert.equal(user.call(GRANT_TABLE_OP, COPY, arg, 1), 0);
    return signed(user.read(arg + 20));
  };
  const before = user.read64(user.va(2, 20 * 8));
  assert.deepEqual([grantMap(user, { dom: owner.domid }).status, copy()], [GENERAL, GENERAL]);
  assert.equal(user.read64(user.va(2, 20 * 8)), before);
  assert.equal(flags(owner, 9), PERMIT);
  for (const guest of [owner, user]) assert.equal(rig.inside.audit(guest.enter().domid), 0);
  destroy(rig, other);
  user.enter();
  const { status, handle } = grantMap(user, { dom: owner.domid });
  assert.deepEqual([status, copy(), grantUnmap(user, handle)], [OKAY, OKAY, OKAY]);
  for (const guest of [owner, user]) assert.equal(rig.inside.audit(guest.enter().domid), 0);
});
