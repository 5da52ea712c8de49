/** Changing the version of a grant table: what stands in the way, and what is taken over. */
import assert from "node:assert/strict";
import {
  addGranter,
  ARGS,
  BAD_REF,
  COPY,
  flags,
  grant,
  GRANT_TABLE_OP,
  GRANTED,
  grantMap,
  grantUnmap,
  HOST,
  map,
  OKAY,
  PERMIT,
  READING,
  READONLY,
  SET_VERSION,
  signed,
  TABLE,
  WRITING,
} from "./grants.ts";
import { type Guest, Rig, SELF } from "./rig.ts";

const EBUSY = -16, ERANGE = -34;
const STATUS_FRAMES = 9;
const V2 = 8; // the option that offers it
const TRANSITIVE = 3, ACCEPT = 2;
/** Guest page where the status frame is mapped. */
const STATUS = 31;

/** @returns the result, and the version that is written back */
function setVersion(guest: Guest, version: number): [number, number] {
  const arg = guest.enter().write(guest.va(ARGS), version);
  return [guest.call(GRANT_TABLE_OP, SET_VERSION, arg, 1), guest.read(arg)];
}

async function pair() {
  const rig = await Rig.create(2);
  const owner = addGranter(rig, V2), user = addGranter(rig);
  const sound = () => {
    for (const guest of [owner, user]) assert.equal(rig.inside.audit(guest.enter().domid), 0);
  };
  return { rig, owner, user, sound };
}

/** An entry of version 2, as four words. */
const entry2 = (guest: Guest, ref: number) =>
  [0, 4, 8, 12].map((at) => guest.read(guest.va(TABLE, ref * 16 + at)) >>> 0);

function mapStatus(guest: Guest): void {
  const arg = guest.enter().write(guest.va(ARGS), 1, SELF, guest.va(ARGS, 64));
  assert.equal(guest.call(GRANT_TABLE_OP, STATUS_FRAMES, arg, 1), 0);
  assert.equal(guest.read(arg + 4) >> 16, OKAY);
  const mfn = guest.read(guest.va(ARGS, 64));
  assert.equal(map(guest, STATUS, mfn, 0x63), 0);
  guest.mfns[STATUS] = mfn;
}

Deno.test("not while an entry is in use, either way, and nothing changes [grant_table_op.set_version] [errno.EBUSY]", async () => {
  const { owner, user, sound } = await pair();
  // the first entry that is not reserved, one far behind, and the same in the other version
  for (const [version, other, ref] of [[1, 2, 8], [1, 2, 511], [2, 1, 8], [2, 1, 255]]) {
    assert.deepEqual(setVersion(owner, version), [0, version]);
    const at = owner.va(TABLE, ref * (version === 1 ? 8 : 16));
    owner.write(at, PERMIT | user.domid << 16, owner.mfns[GRANTED]);
    if (version === 2) owner.write(at, PERMIT | user.domid << 16, 0, owner.mfns[GRANTED], 0);
    const { status, handle } = grantMap(user.enter(), { dom: owner.domid, ref });
    assert.equal(status, OKAY);
    const before = owner.read(at);
    assert.deepEqual(setVersion(owner, other), [EBUSY, version]);
    assert.equal(owner.read(at), before);
    assert.deepEqual(setVersion(owner, version), [0, version], "that is no change");
    assert.equal(grantUnmap(user.enter(), handle), OKAY);
    assert.equal(owner.read(at), PERMIT | user.domid << 16);
    assert.deepEqual(setVersion(owner, other), [0, other]);
    assert.equal(owner.read(at), 0, "cleared");
  }
  sound();
});

Deno.test("the reserved entries may be in use, and stay so [grant_table_op.set_version] [grant_table_op.unmap_grant_ref]", async () => {
  const { owner, user, sound } = await pair();
  const ref = 7;
  grant(owner, ref, PERMIT, user.domid, owner.mfns[GRANTED]);
  const { status, handle } = grantMap(user.enter(), { dom: owner.domid, ref });
  assert.equal(status, OKAY);
  assert.deepEqual(setVersion(owner, 2), [0, 2]);
  mapStatus(owner);
  const shown = () => owner.read(owner.va(STATUS, ref * 2 - 2)) >>> 16;
  assert.deepEqual(entry2(owner, ref), [PERMIT | user.domid << 16, 0, owner.mfns[GRANTED], 0]);
  assert.equal(shown(), READING | WRITING);
  const again = { dom: owner.domid, ref, how: HOST | READONLY, at: user.va(21) };
  const second = grantMap(user.enter(), again);
  assert.equal(second.status, OKAY);
  assert.equal(grantUnmap(user, handle), OKAY);
  assert.equal(shown(), READING);
  assert.equal(map(owner.enter(), STATUS, 0, 0), 0);
  assert.deepEqual(setVersion(owner, 1), [0, 1]);
  assert.equal(flags(owner, ref), PERMIT | READING);
  assert.equal(grantUnmap(user.enter(), second.handle, user.va(21)), OKAY);
  assert.equal(flags(owner, ref), PERMIT);
  sound();
});

Deno.test("version 1 has to have a form for the reserved entries [grant_table_op.set_version] [errno.ERANGE]", async () => {
  const { owner, user, sound } = await pair();
  const mfn = owner.mfns[GRANTED];
  const to = user.domid << 16;
  const put = (ref: number, ...words: number[]) =>
    owner.enter().write(owner.va(TABLE, ref * 16), ...words);
  for (const [ref, ...words] of [[7, TRANSITIVE | to, 1, 9, 0], [0, PERMIT | to, 0, mfn, 1]]) {
    assert.deepEqual(setVersion(owner, 2), [0, 2]);
    put(ref, ...words);
    assert.deepEqual(setVersion(owner, 1), [ERANGE, 2]);
    assert.deepEqual(entry2(owner, ref), words, "untouched");
    put(ref, 0, 0, 0, 0);
    put(8, ...words); // not reserved: cleared anyway
    put(4, PERMIT | to, 0, mfn, 0);
    put(5, ACCEPT | to, 0, mfn, 1); // of these nothing is kept, whatever they say
    put(6, to, 0, mfn, 1);
    assert.deepEqual(setVersion(owner, 1), [0, 1]);
    const words1 = [8, 10, 12, 14].map((n) => owner.read(owner.va(TABLE, n * 4)) >>> 0);
    assert.deepEqual(words1, [PERMIT | to, 0, 0, 0]);
    assert.equal(owner.read(owner.va(TABLE, 4 * 8 + 4)), mfn);
    assert.equal(owner.read(owner.va(TABLE, 5 * 8 + 4)), 0);
  }
  sound();
});

Deno.test("a copy looks at no entry beyond the table, whatever lies there [grant_table_op.copy]", async () => {
  const { owner, user, sound } = await pair();
  assert.deepEqual(setVersion(owner, 2), [0, 2]);
  mapStatus(owner);
  grant(user, 9, PERMIT, owner.domid, user.mfns[GRANTED]);
  // The longest table has 16384 entries. Where the number of its next frame would be, the hypervisor keeps
  // that of the first status frame: entries there would be the guest's to write, too.
  owner.enter();
  for (let n = 0; n < 256; n++) {
    owner.write(owner.va(STATUS, n * 16), TRANSITIVE | user.domid << 16, user.domid, 9, 0);
  }
  const copy = (ref: number) => {
    const ends = [ref, owner.domid, user.mfns[GRANTED + 1], SELF];
    const arg = user.enter().write(user.va(ARGS), ...ends, 64 | 1 << 16, 0x7777);
    assert.equal(user.call(GRANT_TABLE_OP, COPY, arg, 1), 0);
    return signed(user.read(arg + 20));
  };
  for (const ref of [256, 16383, 16384, 16384 + 255, 0x10000000 - 1, 0x10000000, 0xffffffff]) {
    assert.equal(copy(ref), BAD_REF, `${ref}`);
  }
  sound();
});
