/** The core's own memory is used up: who asks for more of it is refused, and what was made stays whole. */
import assert from "node:assert/strict";
import { CONTEXT_SIZE } from "../../core/host/builder/vcpu_context.ts";
import { CPU, HEAP, HEAP_END } from "../../core/wasm/layout.ts";
import { addGranter, grant, GRANTED, grantMap, PERMIT, WINDOW } from "../hypercalls/grants.ts";
import { Rig, SELF } from "../hypercalls/rig.ts";
import { destroy, free } from "./lives.ts";

const MEMORY_OP = 12, CONSOLE_IO = 18, VCPU_OP = 24, EVTCHN = 32;
const SET_MEMORY_MAP = 13, INITIALISE = 0, BIND_IPI = 7;
const ENOMEM = -12;
const NO_DEVICE_SPACE = -7;
const VCPUS = 32, CONSOLE_OPTION = 1;

/** Takes a part of it with an audit's notes on each frame of a large machine, and once more as many. */
function takeSome(rig: Rig, domid: number, frames: number): void {
  for (const more of [frames, 1]) {
    assert.equal(rig.core.exports.machine_grow(more), 0);
    rig.inside.audit(domid);
  }
}

/** Where a null pointer would lead. */
const atNull = (rig: Rig) => rig.core.bytes().subarray(0, CPU);

/** Makes domains until there is no more room for one of them, then of ever fewer vCPUs. */
function fill(rig: Rig): number[] {
  const made: number[] = [];
  for (let vcpus = VCPUS; vcpus > 0; vcpus--) {
    for (;;) {
      const before = free(rig);
      const domid = rig.core.exports.domain_create(vcpus, 64, 0);
      assert.ok(atNull(rig).every((byte) => byte === 0), "null is no vCPU's");
      if (domid < 0) {
        assert.equal(domid, ENOMEM);
        assert.equal(free(rig), before, "one that could not be made gives its frames back");
        break;
      }
      made.push(domid);
    }
  }
  assert.ok(made.length < 126, "it was not for want of numbers");
  return made;
}

Deno.test("a domain is made as a whole or not at all, wherever the room for it ends", async () => {
  // the machine's size moves the end through all that a domain is made of
  for (let n = 0; n < 12; n++) {
    const rig = await Rig.create(4);
    const guest = rig.addGuest();
    rig.inside.slice_end();
    takeSome(rig, guest.domid, 100_000 + n * 397);
    const made = fill(rig);
    const left = rig.inside.heap_used();
    for (const vcpus of [1, 2, VCPUS]) {
      assert.equal(rig.core.exports.domain_create(vcpus, 64, 0), ENOMEM);
    }
    assert.equal(rig.inside.heap_used(), left, "to try it costs nothing");
    for (const domid of made) assert.equal(rig.core.exports.domain_state(domid), 0);
    // what one had is enough for another
    const before = free(rig);
    assert.equal(rig.core.exports.domain_destroy(made[0]), 0);
    assert.ok(rig.core.exports.domain_create(VCPUS, 64, 0) > 0);
    assert.equal(free(rig), before);
    // the one with memory runs on
    assert.equal(guest.enter().call(17, 7), 4096);
    assert.equal(rig.inside.audit(guest.domid), 0);
    destroy(rig, guest);
  }
});

Deno.test("a guest that asks for what takes room is refused, with nothing changed", async () => {
  const rig = await Rig.create(4);
  const owner = addGranter(rig);
  grant(owner, 9, PERMIT, 2, owner.mfns[GRANTED]);
  const guest = rig.addGuest({ vcpus: 2, options: CONSOLE_OPTION });
  assert.equal(guest.domid, 2);
  rig.inside.slice_end();
  takeSome(rig, guest.domid, 100_000);
  fill(rig);
  guest.enter();
  const heap = rig.inside.heap_used();
  assert.ok(HEAP_END - HEAP - heap < CONTEXT_SIZE, "there is no room for any of this");
  for (let n = 0; n < 2; n++) {
    const map = guest.write(guest.va(5), SELF | 1 << 16, 1, guest.va(7));
    assert.equal(guest.call(MEMORY_OP, SET_MEMORY_MAP, map), ENOMEM);
    const mapped = grantMap(guest, { dom: owner.domid, at: guest.va(WINDOW) });
    assert.equal(mapped.status, NO_DEVICE_SPACE);
    assert.equal(guest.call(VCPU_OP, INITIALISE, 1, guest.context()), ENOMEM);
    assert.equal(guest.call(CONSOLE_IO, 0, 6, guest.write(guest.va(7), 0x6c697473, 0x0a6c)), 0);
    assert.match(rig.lines.at(-1)!, /still$/);
  }
  assert.ok(atNull(rig).every((byte) => byte === 0));
  assert.equal(rig.inside.heap_used(), heap);
  assert.equal(rig.inside.audit(guest.domid), 0);
  assert.equal(rig.inside.audit(owner.domid), 0);
  // what takes none goes on as ever
  assert.equal(guest.call(EVTCHN, BIND_IPI, guest.write(guest.va(6), 0, 0)), 0);
  destroy(rig, owner);
  destroy(rig, guest);
});
