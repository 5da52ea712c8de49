/** The core's own memory is used up by domains: each was made as a whole, or not at all. */
import assert from "node:assert/strict";
import { CPU } from "../../core/wasm/layout.ts";
import { Rig } from "../hypercalls/rig.ts";
import { destroy, free } from "./lives.ts";

const ENOMEM = -12;
const VCPUS = 32;

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
