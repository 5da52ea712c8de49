/** Grant entries of version 2 alone: parts of frames, and entries that pass on what another domain grants. */
import assert from "node:assert/strict";
import { type Guest, Rig, SELF } from "./rig.ts";

const GRANT = 20, UPDATE_VA = 14;
const MAP = 0, SETUP = 2, COPY = 5, SET_VERSION = 8;
const PERMIT = 1, TRANSITIVE = 3, READONLY = 4, SUB_PAGE = 256;
const OKAY = 0, GENERAL = -1, BAD_REF = -3, BAD_COPY = -10;
const ARGS = 5, OWN = 10, GRANTED = 11, TABLE = 30;
const SOURCE = 1, DEST = 2;

/** A guest with a table of version 2, mapped. */
function addGranter(rig: Rig): Guest {
  const guest = rig.addGuest({ options: 8 }).enter();
  const args = (...words: number[]) => guest.write(guest.va(ARGS), ...words);
  assert.equal(guest.call(GRANT, SET_VERSION, args(2), 1), 0);
  assert.equal(guest.call(GRANT, SETUP, args(SELF, 1, 0, guest.va(ARGS, 64)), 1), 0);
  const table = guest.read(guest.va(ARGS, 64));
  assert.equal(guest.call(UPDATE_VA, guest.va(TABLE), table << 12 | 0x63, table >>> 20, 2), 0);
  guest.mfns[TABLE] = table;
  for (let n = 0; n < 1024; n++) guest.write(guest.va(GRANTED, n * 4), n | guest.domid << 16);
  return guest;
}

/** full_page and sub_page {flags, domid, page_off u16, length u16, frame u64} */
function grant(guest: Guest, ref: number, flags: number, to: number, offset = 0, length = 0): void {
  guest.write(
    guest.va(TABLE, ref * 16),
    flags | to << 16,
    offset | length << 16,
    guest.mfns[GRANTED],
    0,
  );
}

/** transitive {flags, domid, trans_domid u16, pad u16, gref u32} */
function passOn(
  guest: Guest,
  ref: number,
  flags: number,
  to: number,
  from: number,
  at: number,
): void {
  guest.write(guest.va(TABLE, ref * 16), TRANSITIVE | flags | to << 16, from, at, 0);
}

/** Copies between a granted frame and a page of its own. @returns the status */
function copy(
  guest: Guest,
  way: typeof SOURCE | typeof DEST,
  from: { domid: number; ref: number; offset: number },
  length: number,
  own = 0,
): number {
  const granted = [from.ref, from.domid | from.offset << 16];
  const mine = [guest.mfns[OWN], SELF | own << 16];
  const ends = way === SOURCE ? [...granted, ...mine] : [...mine, ...granted];
  const arg = guest.enter().write(guest.va(ARGS), ...ends, length | way << 16, 0x7777);
  assert.equal(guest.call(GRANT, COPY, arg, 1), 0);
  return guest.read(arg + 20) << 16 >> 16;
}

const flags = (guest: Guest, ref: number) => guest.read(guest.va(TABLE, ref * 16)) & 0xffff;

async function start() {
  const rig = await Rig.create(3);
  const [owner, middle, user] = [0, 1, 2].map(() => addGranter(rig));
  const sound = () => {
    for (const guest of [owner, middle, user]) {
      guest.enter();
      assert.equal(rig.inside.audit(guest.domid), 0);
    }
  };
  return { rig, owner, middle, user, sound };
}

Deno.test("a part of a frame is copied within its bounds, each way, and never mapped [grant_table_op.copy] [grant_table_op.map_grant_ref] [option.gnttab_v2]", async () => {
  const { owner, user, sound } = await start();
  const part = (offset: number, length: number, more = 0) =>
    grant(owner.enter(), 9, PERMIT | SUB_PAGE | more, user.domid, offset, length);
  const at = (offset: number) => ({ domid: owner.domid, ref: 9, offset });
  part(256, 128);
  assert.equal(copy(user, SOURCE, at(256), 128), OKAY);
  assert.equal(user.read(user.va(OWN, 124)), 95 | owner.domid << 16);
  for (const [offset, length] of [[255, 1], [256, 129], [383, 2], [384, 1], [0, 4096], [4000, 8]]) {
    assert.equal(copy(user, SOURCE, at(offset), length), GENERAL, `${offset} ${length}`);
    assert.equal(copy(user, DEST, at(offset), length), GENERAL, `${offset} ${length}`);
  }
  assert.equal(copy(user, SOURCE, at(4000), 97), BAD_COPY, "beyond the page");
  user.enter().write(user.va(OWN), 0xabcd);
  assert.equal(copy(user, DEST, at(380), 4), OKAY);
  assert.equal(owner.read(owner.va(GRANTED, 380)), 0xabcd);
  assert.equal(owner.read(owner.va(GRANTED, 384)), 96 | owner.domid << 16);
  // more than the page has: the page is the end
  part(4000, 0xffff);
  assert.equal(copy(user, SOURCE, at(4000), 96), OKAY);
  part(256, 128, READONLY);
  assert.deepEqual([copy(user, DEST, at(256), 4), copy(user, SOURCE, at(256), 4)], [GENERAL, OKAY]);
  for (const how of [2, 2 | 4]) {
    const arg = user.enter().write(user.va(ARGS), user.va(20), 0, how, 9, owner.domid, 0, 0, 0);
    assert.equal(user.call(GRANT, MAP, arg, 1), 0);
    assert.equal(user.read(arg + 16) >> 16, GENERAL);
  }
  assert.equal(flags(owner, 9), PERMIT | SUB_PAGE | READONLY, "not in use");
  sound();
});

Deno.test("what a domain was granted it passes on, one step far, for copies alone [grant_table_op.copy] [grant_table_op.map_grant_ref]", async () => {
  const { owner, middle, user, sound } = await start();
  grant(owner.enter(), 9, PERMIT, middle.domid);
  passOn(middle.enter(), 10, 0, user.domid, owner.domid, 9);
  const at = (offset: number, ref = 10) => ({ domid: middle.domid, ref, offset });
  assert.equal(copy(user, SOURCE, at(64), 64), OKAY);
  assert.equal(user.read(user.va(OWN)), 16 | owner.domid << 16, "from the owner's frame");
  user.enter().write(user.va(OWN), 0x1234);
  assert.equal(copy(user, DEST, at(4), 4), OKAY);
  assert.equal(owner.read(owner.va(GRANTED, 4)), 0x1234);
  // the middle's entry has to allow it, and so has the owner's
  passOn(middle.enter(), 10, READONLY, user.domid, owner.domid, 9);
  assert.deepEqual([copy(user, DEST, at(0), 4), copy(user, SOURCE, at(0), 4)], [GENERAL, OKAY]);
  passOn(middle.enter(), 10, 0, user.domid, owner.domid, 9);
  grant(owner.enter(), 9, PERMIT | READONLY, middle.domid);
  assert.deepEqual([copy(user, DEST, at(0), 4), copy(user, SOURCE, at(0), 4)], [GENERAL, OKAY]);
  grant(owner.enter(), 9, PERMIT | SUB_PAGE, middle.domid, 100, 8);
  assert.deepEqual([copy(user, SOURCE, at(100), 8), copy(user, SOURCE, at(100), 9)], [
    OKAY,
    GENERAL,
  ]);
  grant(owner.enter(), 9, PERMIT, user.domid);
  assert.equal(copy(user, SOURCE, at(0), 4), GENERAL, "granted to another than who passes it on");
  // no chains, no domain that is not there, no entry beyond the table, and for none but whom it names
  grant(owner.enter(), 9, PERMIT, middle.domid);
  passOn(middle.enter(), 11, 0, middle.domid, owner.domid, 9);
  passOn(middle.enter(), 12, 0, user.domid, middle.domid, 11);
  passOn(middle.enter(), 13, 0, user.domid, 1234, 9);
  passOn(middle.enter(), 14, 0, user.domid, SELF, 9);
  passOn(middle.enter(), 15, 0, user.domid, owner.domid, 100000);
  passOn(middle.enter(), 16, 0, owner.domid, owner.domid, 9);
  assert.deepEqual([12, 13, 14, 15, 16].map((ref) => copy(user, SOURCE, at(0, ref), 4)), [
    GENERAL,
    GENERAL,
    GENERAL,
    BAD_REF,
    GENERAL,
  ]);
  const arg = user.enter().write(user.va(ARGS), user.va(20), 0, 2, 10, middle.domid, 0, 0, 0);
  assert.equal(user.call(GRANT, MAP, arg, 1), 0);
  assert.equal(user.read(arg + 16) >> 16, GENERAL, "not mapped");
  assert.deepEqual([flags(owner, 9), flags(middle, 10)], [PERMIT, TRANSITIVE], "neither is in use");
  sound();
});

Deno.test("in version 1 the same bits mean nothing [grant_table_op.copy]", async () => {
  const rig = await Rig.create(2);
  const [owner, user] = [rig.addGuest(), rig.addGuest()];
  owner.enter();
  assert.equal(
    owner.call(GRANT, SETUP, owner.write(owner.va(ARGS), SELF, 1, 0, owner.va(ARGS, 64)), 1),
    0,
  );
  const table = owner.read(owner.va(ARGS, 64));
  assert.equal(owner.call(UPDATE_VA, owner.va(TABLE), table << 12 | 0x63, table >>> 20, 2), 0);
  owner.mfns[TABLE] = table;
  owner.write(owner.va(TABLE, 9 * 8), PERMIT | SUB_PAGE | user.domid << 16, owner.mfns[GRANTED]);
  assert.equal(copy(user, SOURCE, { domid: owner.domid, ref: 9, offset: 0 }, 4096), OKAY);
  owner.enter().write(owner.va(TABLE, 9 * 8), TRANSITIVE | user.domid << 16, owner.mfns[GRANTED]);
  assert.equal(copy(user, SOURCE, { domid: owner.domid, ref: 9, offset: 0 }, 4), GENERAL);
  // were it read as one of version 2, it would pass on the entry 11
  owner.enter().write(owner.va(TABLE, 9 * 8), TRANSITIVE | user.domid << 16, owner.domid, 11);
  owner.write(owner.va(TABLE, 11 * 8), PERMIT | owner.domid << 16, owner.mfns[GRANTED]);
  assert.equal(copy(user, SOURCE, { domid: owner.domid, ref: 9, offset: 0 }, 4), GENERAL);
});
