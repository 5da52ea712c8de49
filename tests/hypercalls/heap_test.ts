/**
 * The core's heap used up, which many domains of many vCPUs can do together: who comes then is refused, and
 * what he asked for is not done.
 */
import assert from "node:assert/strict";
import { HEAP, HEAP_END } from "../../core/wasm/layout.ts";
import { free } from "../domains/lives.ts";
import { addGranter, flags, grant, GRANTED, grantMap, PERMIT } from "./grants.ts";
import { type Guest, PAGES, Rig, SELF } from "./rig.ts";

const ENOMEM = -12, NO_DEVICE_SPACE = -7;
const CONSOLE = 1;
const MEMORY_OP = 12, CONSOLE_IO = 18, VCPU_OP = 24;
const GET_MAP = 9, SET_MAP = 13, INITIALISE = 0;
/** Bytes that a map of memory of a domain's own takes. */
const MAP_SIZE = 1024 * 20;
/** Bytes that the audit remembers of each frame, once there are more than ever before. */
const AUDITED = 12;

const left = (rig: Rig) => HEAP_END - HEAP - rig.inside.heap_used();

/** Uses up the heap but for so many bytes, a multiple of 16: with domains, then with an audit of a machine that grew. */
function fill(rig: Rig, rest: number): void {
  const { exports } = rig.core;
  for (let n = 0; n < 120; n++) assert.ok(exports.domain_create(32, 16, 0) > 0);
  const frames = Math.floor((left(rig) - rest) / AUDITED);
  assert.equal(exports.machine_grow(frames - exports.machine_size()), 0);
  rig.inside.audit(1);
  assert.ok(left(rig) >= rest && left(rig) < rest + 16, `${left(rig)}`);
}

const memory = (guest: Guest, command: number, ...words: number[]) =>
  guest.call(MEMORY_OP, command, guest.write(guest.va(20), ...words));

/** The one range of RAM that the map has, or the first of another map. */
function mapped(guest: Guest): number[] {
  assert.equal(memory(guest, GET_MAP, 1, guest.va(21)), 0);
  return [0, 4, 8, 12, 16].map((at) => guest.read(guest.va(21, at)));
}

/** Gives a guest a map of one range at 16 MiB. */
const setMap = (guest: Guest) =>
  memory(guest, SET_MAP, SELF, 1, guest.write(guest.va(22), 0x1000000, 0, 0x1000, 0, 2));

Deno.test("hypercalls that need some of it", async () => {
  const rig = await Rig.create(2);
  const guest = addGranter(rig, CONSOLE), early = rig.addGuest();
  assert.equal(setMap(early.enter()), 0);
  grant(guest, 9, PERMIT, guest.domid, guest.mfns[GRANTED]);
  rig.inside.slice_end();
  fill(rig, 240);
  guest.enter();
  assert.equal(grantMap(guest, { dom: guest.domid }).status, NO_DEVICE_SPACE);
  assert.equal(flags(guest, 9), PERMIT);
  // its line of the console has been its own from the first
  const text = guest.write(guest.va(10), 0x0a6f6e); // "no" and a newline
  assert.equal(guest.call(CONSOLE_IO, 0, 3, text), 0);
  assert.match(rig.lines[0], /no$/);
  const map = mapped(guest);
  assert.deepEqual(map, [0, 0, PAGES * 4096, 0, 1]);
  assert.equal(setMap(guest), ENOMEM);
  assert.deepEqual(mapped(guest), map);
  assert.equal(guest.call(VCPU_OP, INITIALISE, 0, guest.context()), ENOMEM);
  assert.equal(rig.inside.audit(guest.domid), 0);
  // who has what he needs goes on with it
  assert.equal(setMap(early.enter()), 0);
  assert.equal(mapped(early)[0], 0x1000000);
});

Deno.test("a map of memory that could be kept but not be read: the old one stays", async () => {
  const rig = await Rig.create(1);
  const guest = rig.addGuest();
  fill(rig, MAP_SIZE);
  const map = mapped(guest.enter());
  for (let n = 0; n < 2; n++) {
    assert.equal(setMap(guest), ENOMEM);
    assert.deepEqual(mapped(guest), map);
  }
});

Deno.test("a domain that there is no room for takes nothing", async () => {
  const rig = await Rig.create(1);
  const guest = rig.addGuest();
  const empty = rig.inside.heap_used();
  assert.ok(rig.core.exports.domain_create(1, 16, 0) > 0);
  const one = rig.inside.heap_used() - empty;
  fill(rig, one - 16);
  const frames = free(rig);
  for (let n = 0; n < 10; n++) {
    assert.equal(rig.core.exports.domain_create(1, 16, 0), ENOMEM);
    assert.equal(free(rig), frames);
  }
  assert.equal(rig.inside.audit(guest.enter().domid), 0);
});
