/** Grants that move things: frames to another domain, entries to each other's place, mappings. */
import assert from "node:assert/strict";
import { type Guest, Rig, SELF } from "./rig.ts";

const GRANT_TABLE_OP = 20, UPDATE_VA_MAPPING = 14, MMUEXT = 26;
const MAP = 0, SETUP_TABLE = 2, TRANSFER = 4, UNMAP_AND_REPLACE = 7, SET_VERSION = 8, SWAP = 11;
const PERMIT = 1, ACCEPT = 2, COMMITTED = 4, COMPLETED = 8, IN_USE = 24;
const OKAY = 0, GENERAL = -1, BAD_DOMAIN = -2, BAD_REF = -3, BAD_HANDLE = -4, BAD_PAGE = -9;
const AGAIN = -12;
const ARGS = 5, MOVED = 10, WINDOW = 20, OTHER = 21, TABLE = 30;
const DEVICE = 1, HOST = 2, CONTAINS_PTE = 16;

const signed = (word: number) => word << 16 >> 16;

function map(guest: Guest, page: number, mfn: number, flags: number): number {
  return guest.call(UPDATE_VA_MAPPING, guest.va(page), mfn << 12 | flags, mfn >>> 20, 2);
}

/** A guest with the first frame of its grant table mapped at page TABLE. */
function addGranter(rig: Rig, options = 0): Guest {
  const guest = rig.addGuest({ options }).enter();
  const list = guest.va(ARGS, 64);
  const arg = guest.write(guest.va(ARGS), SELF, 1, 0, list);
  assert.equal(guest.call(GRANT_TABLE_OP, SETUP_TABLE, arg, 1), 0);
  const mfn = guest.read(list);
  assert.equal(map(guest, TABLE, mfn, 0x63), 0);
  guest.mfns[TABLE] = mfn;
  return guest;
}

const put = (guest: Guest, ref: number, flags: number, domid: number, frame: number) =>
  guest.write(guest.va(TABLE, ref * 8), flags | domid << 16, frame);
const entry = (guest: Guest, ref: number) =>
  [0, 4].map((at) => guest.read(guest.va(TABLE, ref * 8 + at)) >>> 0);

function transfer(guest: Guest, mfn: number, domid: number, ref: number): number {
  const arg = guest.write(guest.va(ARGS), mfn, domid, ref, 77);
  assert.equal(guest.call(GRANT_TABLE_OP, TRANSFER, arg, 1), 0);
  return signed(guest.read(arg + 12));
}

function swap(guest: Guest, a: number, b: number): number {
  const arg = guest.write(guest.va(ARGS), a, b, 77);
  assert.equal(guest.call(GRANT_TABLE_OP, SWAP, arg, 1), 0);
  return signed(guest.read(arg + 8));
}

function grantMap(guest: Guest, dom: number, how = HOST, at = guest.va(WINDOW)): number {
  const arg = guest.write(guest.va(ARGS), at, 0, how, 9, dom | 77 << 16, 0xdead, 0, 0);
  assert.equal(guest.call(GRANT_TABLE_OP, MAP, arg, 1), 0);
  assert.equal(guest.read(arg + 16) >> 16, OKAY);
  return guest.read(arg + 20);
}

function replace(guest: Guest, handle: number, at: number, from: number): number {
  const arg = guest.write(guest.va(ARGS), at, 0, from, 0, handle, 77);
  assert.equal(guest.call(GRANT_TABLE_OP, UNMAP_AND_REPLACE, arg, 1), 0);
  return signed(guest.read(arg + 20));
}

const l1 = (guest: Guest, page: number) => guest.read64(guest.va(2, page * 8));

function audit(...guests: Guest[]): void {
  for (const guest of guests) assert.equal(guest.rig.inside.audit(guest.domid), 0);
}

async function pair() {
  const rig = await Rig.create(2);
  const giver = addGranter(rig), taker = addGranter(rig);
  return { rig, giver, taker };
}

const reservation = (guest: Guest) => guest.call(12, 3, guest.write(guest.va(ARGS, 128), SELF));

Deno.test("a transferred frame changes its owner, with its contents, and has the pfn that was asked for [grant_table_op.transfer]", async () => {
  const { giver, taker } = await pair();
  put(taker, 9, ACCEPT, giver.domid, 0x123);
  giver.enter();
  const mfn = giver.mfns[MOVED];
  giver.write(giver.va(MOVED), 0xfeedface);
  assert.equal(transfer(giver, mfn, taker.domid, 9), BAD_PAGE, "still mapped");
  assert.deepEqual(entry(taker, 9), [ACCEPT | giver.domid << 16, 0x123]);
  assert.equal(map(giver, MOVED, 0, 0), 0);
  const before = reservation(giver);
  assert.equal(transfer(giver, mfn, taker.domid, 9), OKAY);
  assert.equal(reservation(giver), before - 1);
  assert.deepEqual(entry(taker, 9), [
    (ACCEPT | COMMITTED | COMPLETED | giver.domid << 16) >>> 0,
    mfn,
  ]);
  assert.equal(transfer(giver, mfn, taker.domid, 9), BAD_PAGE, "no longer the giver's");
  assert.equal(map(giver, MOVED, mfn, 0x63), -16, "out of the giver's reach");
  taker.enter();
  assert.equal(map(taker, MOVED, mfn, 0x63), 0);
  taker.mfns[MOVED] = mfn;
  assert.equal(taker.read(taker.va(MOVED)) >>> 0, 0xfeedface);
  audit(giver, taker);
});

// XSA-214: a frame that was a table at its old owner must not be one, unchecked, at its new owner.
Deno.test("a frame that was a table is checked anew at its new owner [xsa.214]", async () => {
  const { giver, taker } = await pair();
  put(taker, 9, ACCEPT, giver.domid, 0x123);
  giver.enter();
  const mfn = giver.mfns[MOVED];
  giver.write64(giver.va(MOVED), BigInt(giver.mfns[11]) << 12n | 0x61n);
  assert.equal(map(giver, MOVED, mfn, 0x61), 0);
  const pin = (guest: Guest, cmd: number) =>
    guest.call(MMUEXT, guest.write(guest.va(ARGS), cmd, mfn), 1, 0, SELF);
  assert.equal(pin(giver, 0), 0);
  assert.equal(map(giver, MOVED, 0, 0), 0);
  assert.equal(transfer(giver, mfn, taker.domid, 9), BAD_PAGE, "pinned");
  assert.equal(pin(giver, 4), 0);
  assert.equal(transfer(giver, mfn, taker.domid, 9), OKAY);
  taker.enter();
  assert.ok(pin(taker, 0) < 0, "it maps the giver's memory");
  audit(giver, taker);
});

/** Frames of the guest's, out of its address space one after the other, from this page on. */
function* loose(guest: Guest, page: number): Generator<number, never> {
  for (;; page++) {
    const mfn = guest.mfns[page];
    assert.equal(map(guest, page, 0, 0), 0);
    yield mfn;
  }
}

// Xen takes the frame from its owner before it looks at who is to have it.
Deno.test("what is given up and not accepted is lost, what cannot be given up is not [grant_table_op.transfer]", async () => {
  const { giver, taker } = await pair();
  giver.enter();
  const frames = loose(giver, 42);
  const before = reservation(giver);
  const cases: [what: string, flags: number, by: number][] = [
    ["a grant", PERMIT, giver.domid],
    ["nothing", 0, giver.domid],
    ["committed already", ACCEPT | COMMITTED, giver.domid],
    ["completed already", ACCEPT | COMPLETED, giver.domid],
    ["a flag that an offer has not", ACCEPT | 16, giver.domid],
    ["one of version 2's", ACCEPT | 256, giver.domid],
    ["for another", ACCEPT, giver.domid + 7],
  ];
  for (const [what, flags, by] of cases) {
    put(taker, 9, flags, by, 0x123);
    const mfn = frames.next().value;
    assert.equal(transfer(giver, mfn, taker.domid, 9), GENERAL, what);
    assert.deepEqual(entry(taker, 9), [(flags | by << 16) >>> 0, 0x123], what);
    assert.equal(transfer(giver, mfn, taker.domid, 9), BAD_PAGE, what);
  }
  assert.equal(transfer(giver, frames.next().value, taker.domid, 512), GENERAL);
  assert.equal(transfer(giver, frames.next().value, taker.domid, 0xffffffff), GENERAL);
  assert.equal(transfer(giver, frames.next().value, 1234, 9), BAD_DOMAIN);
  assert.equal(transfer(giver, frames.next().value, 0, 9), GENERAL);
  const lost = cases.length + 4;
  assert.equal(reservation(giver), before - lost);
  for (const bad of [0, 0xffffffff, giver.mfns[0], giver.mfns[TABLE], taker.mfns[MOVED]]) {
    assert.equal(transfer(giver, bad, taker.domid, 9), BAD_PAGE);
  }
  // the taker has all it may have
  put(taker, 9, ACCEPT, giver.domid, 0x123);
  taker.enter();
  const list = taker.va(40);
  const spare = taker.call(12, 4, taker.write(taker.va(ARGS), SELF)) - reservation(taker);
  for (let n = 0; n < spare; n++) taker.write(list + n * 4, 0x200 + n);
  assert.equal(taker.call(12, 6, taker.write(taker.va(ARGS), list, spare, 0, 0, SELF)), spare);
  giver.enter();
  const mfn = frames.next().value;
  assert.equal(transfer(giver, mfn, taker.domid, 9), GENERAL);
  assert.equal(map(giver, MOVED, mfn, 0x63), -16, "out of the giver's reach");
  assert.equal(reservation(giver), before - lost - 1);
  audit(giver, taker);
});

Deno.test("two entries change places, unless one is in use [grant_table_op.swap_grant_ref]", async () => {
  const { giver, taker } = await pair();
  put(giver, 9, PERMIT, taker.domid, giver.mfns[MOVED]);
  put(giver, 10, 0, 77, 0x456);
  giver.enter();
  assert.equal(swap(giver, 9, 10), OKAY);
  assert.deepEqual(entry(giver, 9), [77 << 16, 0x456]);
  assert.deepEqual(entry(giver, 10), [PERMIT | taker.domid << 16, giver.mfns[MOVED]]);
  assert.equal(swap(giver, 10, 9), OKAY);
  assert.equal(swap(giver, 9, 9), OKAY);
  for (const [a, b] of [[9, 512], [512, 9], [0xffffffff, 0xffffffff]]) {
    assert.equal(swap(giver, a, b), BAD_REF);
  }
  taker.enter();
  grantMap(taker, giver.domid);
  giver.enter();
  assert.equal(swap(giver, 9, 10), AGAIN);
  assert.equal(swap(giver, 10, 9), AGAIN);
  assert.equal(entry(giver, 9)[0] & IN_USE, IN_USE);
});

Deno.test("version 2: entries of 16 bytes change places", async () => {
  const rig = await Rig.create();
  const guest = addGranter(rig, 8);
  assert.equal(guest.call(GRANT_TABLE_OP, SET_VERSION, guest.write(guest.va(ARGS), 2), 1), 0);
  const at = (ref: number) => guest.va(TABLE, ref * 16);
  guest.write(at(9), PERMIT, 0, 0x111, 0);
  guest.write(at(10), 0, 0, 0x222, 0);
  assert.equal(swap(guest, 9, 10), OKAY);
  assert.deepEqual([guest.read(at(9) + 8), guest.read(at(10)), guest.read(at(10) + 8)], [
    0x222,
    PERMIT,
    0x111,
  ]);
  assert.equal(swap(guest, 9, 256), BAD_REF);
});

Deno.test("unmap_and_replace puts another mapping where the grant's was [grant_table_op.unmap_and_replace]", async () => {
  const { giver, taker } = await pair();
  put(giver, 9, PERMIT, taker.domid, giver.mfns[MOVED]);
  taker.enter();
  const handle = grantMap(taker, giver.domid);
  const other = l1(taker, OTHER);
  const refused = [[WINDOW, WINDOW], [OTHER, WINDOW], [MOVED, OTHER]];
  for (const [at, from] of refused) {
    assert.equal(replace(taker, handle, taker.va(at), taker.va(from)), GENERAL);
  }
  assert.equal(replace(taker, handle, taker.va(WINDOW), 0x400000), GENERAL);
  assert.equal(replace(taker, handle, taker.va(WINDOW), 0xf5800000), GENERAL);
  assert.equal(replace(taker, handle + 1, taker.va(WINDOW), taker.va(OTHER)), BAD_HANDLE);
  assert.equal(l1(taker, OTHER), other);
  assert.equal(replace(taker, handle, taker.va(WINDOW), taker.va(OTHER)), OKAY);
  assert.deepEqual([l1(taker, WINDOW), l1(taker, OTHER)], [other, 0n]);
  assert.equal(entry(giver, 9)[0], PERMIT | taker.domid << 16);
  assert.equal(replace(taker, handle, taker.va(WINDOW), taker.va(OTHER)), BAD_HANDLE);
  audit(giver, taker);
  // without an address, or for a mapping that is the device's alone, there is nothing to replace
  const mapped = grantMap(taker, giver.domid), device = grantMap(taker, giver.domid, DEVICE);
  const there = l1(taker, WINDOW);
  assert.equal(map(taker, OTHER, taker.mfns[OTHER], 0x63), 0);
  assert.equal(replace(taker, mapped, 0, taker.va(OTHER)), OKAY);
  assert.equal(replace(taker, device, taker.va(WINDOW), taker.va(OTHER)), OKAY);
  assert.deepEqual([l1(taker, WINDOW), l1(taker, OTHER)], [there, other]);
  assert.equal(replace(taker, mapped, taker.va(WINDOW), taker.va(OTHER)), OKAY);
  assert.equal(entry(giver, 9)[0] & IN_USE, IN_USE, "the device's is left");
  // one that was made by its entry's address has to be unmapped the same way
  const pte = taker.mfns[2] * 4096 + WINDOW * 8;
  const again = grantMap(taker, giver.domid, HOST | CONTAINS_PTE, pte);
  assert.equal(replace(taker, again, pte, taker.va(OTHER)), GENERAL);
  audit(giver, taker);
});
