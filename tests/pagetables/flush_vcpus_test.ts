/** Flushes by one vCPU for another: after one of them no vCPU follows the old tables (pv-abi §7.4, §7.8). */
import assert from "node:assert/strict";
import { C_FAULT, CPU, NO_FAULT } from "../../core/wasm/layout.ts";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";

const HC = { mmuUpdate: 1, multicall: 13, updateVa: 14, vcpu: 24, mmuext: 26 };
const WINDOW = 60, FIRST = 61, SECOND = 62, L1 = 63;

/** A guest of two vCPUs that share their tables; vCPU 0 runs. */
async function start() {
  const guest = (await Rig.create(1)).addGuest({ vcpus: 2 }).enter();
  assert.equal(guest.call(HC.vcpu, 0, 1, guest.context()), 0);
  assert.equal(guest.call(HC.vcpu, 1, 1, 0), 0);
  return guest;
}

interface Probe {
  probe_access(address: bigint, size: number, access: number, cpl: number): number;
}

/** The frame that the running vCPU's access to an address goes to, or null for a page fault. */
function reaches(guest: Guest, va: number, access = 0): number | null {
  const { core } = guest.rig;
  const host = (core.exports as unknown as Probe).probe_access(BigInt(va), 4, access, 1) >>> 0;
  if (!host) {
    core.view().setUint32(CPU + C_FAULT, NO_FAULT, true);
    return null;
  }
  return Math.floor((host - core.frameAddress(0)) / 4096);
}

const at = (guest: Guest) => guest.va(WINDOW);
const map = (guest: Guest, page: number | null, flags: number) =>
  page === null ? guest.call(HC.updateVa, at(guest), 0, 0, flags) : guest.call(
    HC.updateVa,
    at(guest),
    guest.mfns[page] << 12 | 0x63,
    guest.mfns[page] >>> 20,
    flags,
  );
const mmuext = (guest: Guest, cmd: number, arg1 = 0, arg2 = 0) =>
  guest.call(HC.mmuext, guest.write(guest.va(5), cmd, arg1, arg2), 1, 0, SELF);

Deno.test("a change that is flushed for all is seen by a vCPU that knew the old page [update_va_mapping.tlb_flush] [update_va_mapping.invlpg] [mmuext_op.tlb_flush_multi] [mmuext_op.invlpg_multi] [mmuext_op.tlb_flush_all] [mmuext_op.invlpg_all]", async () => {
  const guest = await start();
  const both = guest.write(guest.va(6), 3);
  const ways: [string, number, () => number][] = [
    ["TLB, all", 5, () => 0],
    ["INVLPG, all", 6, () => 0],
    ["TLB, bitmap", both | 1, () => 0],
    ["INVLPG, bitmap", both | 2, () => 0],
    ["TLB_FLUSH_ALL", 0, () => mmuext(guest, 10)],
    ["INVLPG_ALL", 0, () => mmuext(guest, 11, at(guest))],
    ["TLB_FLUSH_MULTI", 0, () => mmuext(guest, 8, 0, both)],
    ["INVLPG_MULTI", 0, () => mmuext(guest, 9, at(guest), both)],
  ];
  for (const [name, flags, after] of ways) {
    assert.equal(map(guest, FIRST, 6), 0);
    assert.equal(reaches(guest, at(guest), 1), guest.mfns[FIRST]);
    assert.equal(reaches(guest.enter(1), at(guest), 1), guest.mfns[FIRST]);
    guest.enter(0);
    assert.equal(map(guest, SECOND, flags), 0);
    assert.equal(after(), 0, name);
    assert.equal(reaches(guest, at(guest), 1), guest.mfns[SECOND], name);
    assert.equal(reaches(guest.enter(1), at(guest), 1), guest.mfns[SECOND], name);
    guest.enter(0);
  }
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("an L2 or L3 entry that goes is gone for every vCPU at the end of the hypercall [mmu.flush_upper] [xsa.286]", async () => {
  const guest = await start();
  const entry = (table: number, index: number, page: number | null) =>
    guest.call(
      HC.mmuUpdate,
      guest.write(
        guest.va(5),
        guest.mfns[table] << 12 | index * 8,
        guest.mfns[table] >>> 20,
        page === null ? 0 : guest.mfns[page] << 12 | 0x67,
        page === null ? 0 : guest.mfns[page] >>> 20,
      ),
      1,
      0,
      SELF,
    );
  assert.equal(
    guest.call(HC.updateVa, guest.va(L1), guest.mfns[L1] << 12 | 0x61, guest.mfns[L1] >>> 20, 6),
    0,
  );
  assert.equal(entry(1, 9, L1), 0);
  const va = guest.va(0) + 9 * 0x200000;
  assert.equal(entry(L1, 0, FIRST), 0);
  for (const vcpu of [0, 1]) assert.equal(reaches(guest.enter(vcpu), va, 1), guest.mfns[FIRST]);
  guest.enter(0);
  assert.equal(entry(1, 9, null), 0);
  for (const vcpu of [0, 1]) assert.equal(reaches(guest.enter(vcpu), va), null);
  assert.equal(guest.rig.inside.audit(guest.enter(0).domid), 0);
});

Deno.test("a page that becomes a table is written by no vCPU any more, flushed or not [mmu.flush_type] [xsa.401]", async () => {
  const guest = await start();
  for (const vcpu of [0, 1]) {
    assert.equal(reaches(guest.enter(vcpu), guest.va(L1), 1), guest.mfns[L1]);
  }
  guest.enter(0);
  // mapped read-only without a flush, then pinned
  assert.equal(
    guest.call(HC.updateVa, guest.va(L1), guest.mfns[L1] << 12 | 0x61, guest.mfns[L1] >>> 20, 0),
    0,
  );
  assert.equal(mmuext(guest, 0, guest.mfns[L1]), 0);
  for (const vcpu of [1, 0]) {
    assert.equal(reaches(guest.enter(vcpu), guest.va(L1), 1), null, `vCPU ${vcpu}`);
    assert.equal(reaches(guest, guest.va(L1)), guest.mfns[L1], "read it may");
  }
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});
