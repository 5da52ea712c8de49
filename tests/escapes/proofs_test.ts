/**
 * Attempts that Xen's own test suites make, done anew: each was a way out once, and each leaves every
 * count right here.
 */
import assert from "node:assert/strict";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";

const EBUSY = -16, EINVAL = -22;
const HC = {
  mmuUpdate: 1,
  memory: 12,
  multicall: 13,
  updateVa: 14,
  grant: 20,
  vcpu: 24,
  mmuext: 26,
};
const MAP = 0, UNMAP = 1, SETUP = 2, UNMAP_AND_REPLACE = 7, SET_VERSION = 8, STATUS_FRAMES = 9;
const DEVICE = 1, HOST = 2, READONLY = 4;
const ARGS = 5, LIST = 6, FIRST = 10, SECOND = 11, A = 20, B = 21, TABLE = 30;

async function start({ options = 0, vcpus = 1 } = {}): Promise<Guest> {
  const rig = await Rig.create(1);
  return rig.addGuest({ options, vcpus }).enter();
}

const remap = (guest: Guest, page: number, mfn: number, flags: number) =>
  guest.call(HC.updateVa, guest.va(page), mfn << 12 | flags, mfn >>> 20, 2);
const pin = (guest: Guest, level: number, page: number) =>
  guest.call(HC.mmuext, guest.write(guest.va(ARGS), level - 1, guest.mfns[page], 0), 1, 0, SELF);
const sound = (guest: Guest) => assert.equal(guest.rig.inside.audit(guest.domid), 0);

/** Grants frames to itself by its own number: entry 8 + n is for pages[n]. */
function selfGrants(guest: Guest, ...pages: number[]): void {
  const list = guest.va(LIST);
  assert.equal(guest.call(HC.grant, SETUP, guest.write(guest.va(ARGS), SELF, 1, 0, list), 1), 0);
  const table = guest.read(list);
  assert.equal(remap(guest, TABLE, table, 0x63), 0);
  guest.mfns[TABLE] = table;
  pages.forEach((page, n) =>
    guest.write(guest.va(TABLE, (8 + n) * 8), 1 | guest.domid << 16, guest.mfns[page])
  );
}

function grantMap(guest: Guest, at: number, flags: number, ref: number) {
  const arg = guest.write(guest.va(ARGS), at, 0, flags, ref, guest.domid, 0, 0, 0);
  assert.equal(guest.call(HC.grant, MAP, arg, 1), 0);
  return { status: guest.read(arg + 16) >> 16, handle: guest.read(arg + 20) };
}

function grantUnmap(guest: Guest, at: number, bus: number, handle: number): number {
  const arg = guest.write(guest.va(ARGS), at, 0, bus | 0, Math.floor(bus / 2 ** 32), handle, 77);
  assert.equal(guest.call(HC.grant, UNMAP, arg, 1), 0);
  return guest.read(arg + 20) << 16 >> 16;
}

Deno.test("XSA-224: a host and a device mapping given back one by one drop one reference each [xsa.224] [grant_table_op.unmap_grant_ref]", async () => {
  const guest = await start();
  selfGrants(guest, FIRST);
  const { status, handle } = grantMap(guest, guest.va(A), HOST | DEVICE, 8);
  assert.equal(status, 0);
  assert.equal(grantUnmap(guest, guest.va(A), 0, handle), 0);
  assert.equal(grantUnmap(guest, 0, guest.mfns[FIRST] * 4096, handle), 0);
  sound(guest);
  assert.equal(pin(guest, 1, FIRST), EINVAL, "its first mapping is writable still");
});

Deno.test("XSA-234: a writable reference is not dropped for a read-only entry [xsa.234] [grant_table_op.unmap_and_replace]", async () => {
  const guest = await start();
  assert.equal(remap(guest, FIRST, guest.mfns[FIRST], 0x21), 0);
  selfGrants(guest, FIRST, SECOND);
  const first = grantMap(guest, guest.va(A), HOST, 8);
  const second = grantMap(guest, guest.va(B), HOST | READONLY, 9);
  assert.deepEqual([first.status, second.status], [0, 0]);
  // the entry that maps the first replaces the mapping of the second
  const arg = guest.write(guest.va(ARGS), guest.va(B), 0, guest.va(A), 0, second.handle, 77);
  assert.equal(guest.call(HC.grant, UNMAP_AND_REPLACE, arg, 1), 0);
  assert.equal(guest.read(arg + 20) << 16 >> 16, 0);
  sound(guest);
  assert.equal(remap(guest, A, guest.mfns[FIRST], 0x21), 0);
  assert.equal(grantUnmap(guest, guest.va(A), 0, first.handle), -1);
  sound(guest);
  assert.equal(pin(guest, 1, FIRST), EINVAL, "one writable mapping is left, at the second's place");
});

Deno.test("XSA-255: version 1 only when no status frame is mapped [xsa.255] [grant_table_op.set_version] [grant_table_op.get_status_frames] [grant_table_op] [errno.EBUSY]", async () => {
  const guest = await start({ options: 8 });
  const version = (n: number) =>
    guest.call(HC.grant, SET_VERSION, guest.write(guest.va(ARGS), n), 1);
  assert.equal(version(2), 0);
  const list = guest.va(LIST);
  assert.equal(guest.call(HC.grant, SETUP, guest.write(guest.va(ARGS), SELF, 1, 0, list), 1), 0);
  const frames = guest.write(guest.va(ARGS), 1, SELF, list, 0);
  assert.equal(guest.call(HC.grant, STATUS_FRAMES, frames, 1), 0);
  assert.equal(guest.read(frames + 4) >> 16, 0);
  const status = guest.read(list);
  assert.equal(remap(guest, A, status, 0x21), 0);
  assert.equal(version(1), EBUSY);
  sound(guest);
  assert.equal(remap(guest, A, 0, 0), 0);
  assert.equal(version(1), 0);
  assert.notEqual(remap(guest, A, status, 0x21), 0, "it is nobody's now");
  sound(guest);
});

Deno.test("XSA-231, 232: NUMA nodes and addresses of anything [xsa.231] [xsa.232] [memory_op.increase_reservation] [grant_table_op.cache_flush]", async () => {
  const guest = await start();
  for (let node = 0; node < 256; node++) {
    const reservation = guest.write(guest.va(ARGS), 0, 1, 0, node << 8, SELF);
    assert.ok(guest.call(HC.memory, 0, reservation) >= 0);
  }
  for (let mfn = 0; mfn < 256; mfn++) {
    const flush = guest.write(guest.va(ARGS), mfn << 12, 0, 4096 << 16, 3);
    assert.ok(guest.call(HC.grant, 12, flush, 1) < 0);
  }
  sound(guest);
});

Deno.test("XSA-286: one batch changes an entry, the table above, and the entry again [xsa.286] [multicall]", async () => {
  const guest = await start();
  const [l1a, l1b, l2a, l2b] = [40, 41, 42, 43];
  const entry = (page: number, index: number, to: number, flags: number) => {
    const list = guest.write(
      guest.va(ARGS),
      (guest.mfns[page] << 12) + index * 8 | 0,
      guest.mfns[page] >>> 20,
      to < 0 ? 0 : guest.mfns[to] << 12 | flags,
      to < 0 ? 0 : guest.mfns[to] >>> 20,
    );
    return [HC.mmuUpdate, list, 1, 0, SELF];
  };
  const now = (call: number[]) => assert.equal(guest.call(call[0], ...call.slice(1)), 0);
  now(entry(l2a, 0, l1a, 0x67));
  now(entry(l2b, 0, l1b, 0x67));
  for (const page of [l1a, l1b, l2a, l2b]) {
    assert.equal(remap(guest, page, guest.mfns[page], 0x21), 0);
  }
  assert.deepEqual([pin(guest, 2, l2a), pin(guest, 2, l2b)], [0, 0]);
  for (let round = 0; round < 3; round++) {
    now(entry(0, 1, l2a, 1));
    for (const l1 of [l1a, l1b]) now(entry(l1, 0, -1, 0));
    const at = 0x40000000;
    const swap = entry(0, 1, l2b, 1);
    const calls = [
      [HC.updateVa, at, 0, 0, 2],
      swap,
      [HC.updateVa, at, guest.mfns[FIRST] << 12 | 0x63, guest.mfns[FIRST] >>> 20, 2],
    ];
    calls.forEach((call, n) =>
      guest.write(guest.va(LIST, n * 32), call[0], 77, ...call.slice(1), 0, 0)
    );
    assert.equal(guest.call(HC.multicall, guest.va(LIST), 3), 0);
    assert.deepEqual([0, 1, 2].map((n) => guest.read(guest.va(LIST, n * 32 + 4))), [0, 0, 0]);
    assert.equal(guest.read64(guest.va(l1a)), 0n, "the first hierarchy is as it was");
    assert.notEqual(guest.read64(guest.va(l1b)), 0n);
    sound(guest);
  }
});

Deno.test("XSA-296: a vCPU of nothing but a page table [xsa.296] [vcpu_op.initialise]", async () => {
  const guest = await start({ vcpus: 2 });
  const [l2, l3] = [40, 41];
  guest.write64(guest.va(l3, 24), BigInt(guest.mfns[l2]) << 12n | 1n);
  for (const page of [l2, l3]) assert.equal(remap(guest, page, guest.mfns[page], 0x61), 0);
  const context = guest.context((view) => {
    for (let n = 0; n < view.byteLength; n += 4) view.setUint32(n, 0, true);
    view.setUint32(0x200, 4, true); // VGCF_IN_KERNEL
    view.setUint32(0xaa8, (guest.mfns[l3] << 12 | guest.mfns[l3] >>> 20) >>> 0, true);
  });
  guest.setSharedByte(0, 1);
  guest.setSharedByte(1, 0);
  assert.equal(guest.call(HC.vcpu, 0, 1, context), 0);
  sound(guest);
  assert.equal(guest.call(HC.vcpu, 1, 1, 0), 0);
  // it has no segments, no code and no handlers: its first turn ends the domain, and nothing else
  for (let n = 0; n < 20; n++) {
    guest.rig.inside.slice_end();
    guest.rig.core.exports.machine_run(0n, 1000);
  }
  assert.deepEqual([guest.state, guest.code], [2, 3]);
});
