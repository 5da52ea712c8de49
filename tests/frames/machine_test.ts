/** How much memory the machine has: what the host may ask for, and what it is told of all that it may not. */
import assert from "node:assert/strict";
import { MACHINE, MAX_FRAMES } from "../../core/wasm/layout.ts";
import { Rig, TestDomain } from "../pagetables/rig.ts";

const ENOMEM = -12, EBUSY = -16, EINVAL = -22;
/** Frame 0, and a block of the machine-to-phys table: 512 frames with the entries of 2 GiB. */
const BLOCK = 512, OWN = 1 + BLOCK;
const GIB2 = 1 << 19;
/** The kernel's view of the table's second block. */
const SECOND = 0xf5800000 + GIB2 * 4;

const TOO_MANY = [MAX_FRAMES + 1, 0x7fffffff, 0x80000000, 0xffffffff];

/** All that a call which fails must leave alone. */
function machine({ core }: Rig) {
  return [core.machine_size(), core.machine_free_frames(), core.memory.buffer.byteLength];
}

Deno.test("machine_init: once, and no more frames than there are addresses for", async () => {
  const rig = await Rig.bare();
  const { core } = rig;
  const bytes = core.memory.buffer.byteLength;
  for (const frames of TOO_MANY) assert.equal(core.machine_init(frames), EINVAL, `${frames}`);
  assert.equal(core.machine_init(MAX_FRAMES), ENOMEM, "the hypervisor's own come on top");
  assert.equal(core.machine_size(), 0);
  assert.equal(core.memory.buffer.byteLength, bytes);
  assert.equal(core.machine_init(1000), 0);
  assert.equal(core.machine_size(), 1000 + OWN);
  assert.equal(core.machine_free_frames(), 1000);
  const before = machine(rig);
  for (const frames of [0, 1, 2000, MAX_FRAMES]) assert.equal(core.machine_init(frames), EBUSY);
  assert.deepEqual(machine(rig), before);
});

Deno.test("machine_grow: as many as were asked for, or the machine is as it was", async () => {
  const rig = await Rig.create(1000);
  const { core } = rig;
  const before = machine(rig);
  const d = TestDomain.create(rig);
  const used = before[1] - core.machine_free_frames();
  for (const frames of TOO_MANY) assert.equal(core.machine_grow(frames), EINVAL, `${frames}`);
  // the second block would have to fit as well
  const room = MAX_FRAMES - before[0];
  for (const frames of [MAX_FRAMES, room + 1, room, room - BLOCK + 1]) {
    assert.equal(core.machine_grow(frames), ENOMEM, `${frames}`);
  }
  assert.deepEqual([core.machine_size(), core.memory.buffer.byteLength], [before[0], before[2]]);
  assert.deepEqual(d.load(SECOND), { error: 0, address: SECOND });
  assert.equal(core.machine_grow(0), 0);
  assert.equal(core.machine_grow(77), 0);
  assert.equal(core.machine_size(), before[0] + 77);
  assert.equal(core.machine_free_frames(), before[1] - used + 77);
  d.sound();
  assert.ok(core.memory.buffer.byteLength >= MACHINE + (before[0] + 77) * 4096);
});

Deno.test("machine_init: the first frame above 2 GiB brings the table's second block", async () => {
  for (const [frames, blocks] of [[GIB2 - OWN, 1], [GIB2 - OWN + 1, 2]]) {
    const rig = await Rig.bare();
    if (rig.core.machine_init(frames) === ENOMEM) return; // this host has no 2 GiB of address space to give
    assert.equal(rig.core.machine_size(), frames + 1 + blocks * BLOCK);
    assert.equal(rig.core.machine_free_frames(), frames);
    const d = TestDomain.create(rig);
    const expected = blocks === 2 ? { value: 0xffffffffn } : { error: 0, address: SECOND };
    assert.deepEqual(d.load(SECOND), expected, `${frames}`);
    d.sound();
  }
});

Deno.test("machine_grow: the first frame above 2 GiB brings the table's second block, which takes none of them away", async () => {
  const rig = await Rig.create(1000);
  const { core } = rig;
  const d = TestDomain.create(rig);
  const free = core.machine_free_frames();
  const grown = GIB2 - core.machine_size();
  if (core.machine_grow(grown) === ENOMEM) return; // as above
  assert.equal(core.machine_free_frames(), free + grown);
  assert.deepEqual(d.load(SECOND), { error: 0, address: SECOND });
  assert.equal(core.machine_grow(1), 0);
  assert.equal(core.machine_size(), GIB2 + 1 + BLOCK);
  assert.equal(core.machine_free_frames(), free + grown + 1);
  assert.equal(d.load(SECOND).value, 0xffffffffn);
  d.sound();
});
