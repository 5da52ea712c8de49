/** Two top-level tables that share a place where their address space's number is looked up: neither gets the other's. */
import assert from "node:assert/strict";
import { MAILBOX } from "../../core/wasm/layout.ts";
import { BASE, OP, P, Rig, RW, TestDomain } from "./rig.ts";
import { DATA, DATA2, L1, L2B } from "./tables.ts";

/** The place is the frame's number mod 4096 (core/wasm/pagetables/address_space.ts). */
const PLACES = 4096;
const V = BASE + 30 * 4096;

Deno.test("tables 16 MiB apart are two address spaces all the same [mmuext_op.new_baseptr]", async () => {
  const rig = await Rig.create(PLACES + 1500);
  const d = TestDomain.create(rig, 24, PLACES + 200);
  const { core } = rig;
  const [first] = d.mfns;
  assert.equal(core.domain_populate(d.id, 24, PLACES, MAILBOX), 0);
  const more = new Uint32Array(core.memory.buffer, MAILBOX, PLACES);
  const second = more.find((mfn) => mfn === first + PLACES);
  assert.ok(second, "the domain has no such frame");

  // the second space maps what the first does, but for V
  for (const page of [L1, L2B]) assert.equal(d.remap(page, P), 0);
  for (let i = 0; i < 24; i++) rig.setEntry(d.mfns[L1], i, d.pte(i, P));
  rig.setEntry(d.mfns[L1], 30, d.pte(DATA2, P));
  rig.setEntry(d.mfns[L2B], 0, d.pte(L1, P));
  rig.setEntry(d.mfns[L2B], 427, d.pte(3, P | RW));
  rig.setEntry(second, 3, d.pte(L2B, P));
  assert.equal(d.mmuext(OP.PIN_L3, second), 0);
  d.store(d.va(DATA), 1n);
  d.store(d.va(DATA2), 2n);
  assert.equal(d.updateVa(V, d.pte(DATA, P)), 0);

  for (let turn = 0; turn < 3; turn++) {
    assert.equal(d.load(V).value, 1n);
    assert.equal(d.mmuext(OP.NEW_BASEPTR, second), 0);
    assert.equal(d.load(V).value, 2n);
    assert.equal(d.mmuext(OP.NEW_BASEPTR, first), 0);
  }
  d.sound();
});
