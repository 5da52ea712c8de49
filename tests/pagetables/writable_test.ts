/** The assist that lets a kernel store into its L1s (vm_assist 2); the golden has more, as ptwr.*. */
import assert from "node:assert/strict";
import { A, BASE, D, HC, MODIFY, OP, P, Rig, RW, TestDomain, US } from "./rig.ts";

const L1 = 8;
const DATA = 12;
const OPT_WRITABLE_L2 = 2;
/** Bits of an access (core/wasm/pagetables/walk.ts). */
const NOT_EMULATED = 8, LOCKED = 16;

/** A domain with page L1 in use as an L1, read-only; entry 3 of it is at `at`. */
async function domain(assist: boolean, options = 0): Promise<{ d: TestDomain; at: number }> {
  const d = TestDomain.create(await Rig.create(), 24, 32, options);
  if (assist) assert.equal(d.hypercall(HC.vm_assist, 0, 2), 0);
  assert.equal(d.remap(L1, P), 0);
  assert.equal(d.mmuUpdate(d.at(1, 6), d.pte(L1, P | RW | US)), 0);
  return { d, at: d.va(L1) + 24 };
}

Deno.test("off, a store into an L1 faults [ptwr.off]", async () => {
  const { d, at } = await domain(false);
  assert.deepEqual(d.store(at, d.pte(DATA, P), 4), { error: 3, address: at });
  assert.equal(d.hypercall(HC.vm_assist, 0, 2), 0);
  assert.equal(d.hypercall(HC.vm_assist, 1, 2), 0);
  assert.equal(d.store(at, d.pte(DATA, P), 4).error, 3);
  d.sound();
});

Deno.test("on, stores are checked updates [ptwr.mov] [ptwr.rmw] [ptwr.cmpxchg8b] [ptwr.refused] [vm_assist.writable_pagetables]", async () => {
  const { d, at } = await domain(true);
  const entry = () => d.rig.entry(d.mfns[L1], 3);
  const va = BASE + 6 * 0x200000 + 3 * 4096;
  assert.equal(d.store(at, d.pte(DATA, P | RW)).error, undefined);
  assert.equal(entry(), d.pte(DATA, P | RW));
  d.sound();
  assert.equal(d.store(va, 0x77n).value, 0x77n);
  assert.equal(entry(), d.pte(DATA, P | RW | A | D));
  for (
    const bad of [
      d.pte(DATA, P | 8n),
      d.pte(0, P | RW),
      P,
      (BigInt(d.rig.core.machine_size()) << 12n) | P,
    ]
  ) {
    assert.deepEqual(d.store(at, bad), { error: 3, address: at });
    assert.equal(entry(), d.pte(DATA, P | RW | A | D));
    assert.deepEqual(d.store(at, bad, 4, MODIFY), { error: 3, address: at });
    d.sound();
  }
  // parts merge with what is there
  assert.equal(d.store(at, 0x61n, 1).error, undefined);
  assert.equal(entry(), d.pte(DATA, P | A | D));
  assert.equal(d.store(at + 7, 0x80n, 1).error, undefined);
  assert.equal(entry(), d.pte(DATA, P | A | D) | (1n << 63n));
  assert.equal(d.store(at, 0n, 8, MODIFY).error, undefined);
  assert.equal(entry(), 0n);
  d.sound();
});

Deno.test("an upper half that makes no sense clears P, for a 4-byte store without LOCK [ptwr.upper_half]", async () => {
  const { d, at } = await domain(true);
  const set = () => assert.equal(d.mmuUpdate(d.at(L1, 3), d.pte(DATA, P | RW)), 0);
  const entry = () => d.rig.entry(d.mfns[L1], 3);
  set();
  assert.equal(d.store(at + 4, 0x40n).error, undefined);
  assert.equal(entry(), d.pte(DATA, RW) | (0x40n << 32n));
  d.sound();
  set();
  assert.equal(d.store(at + 4, 0x40n, 4, MODIFY).error, undefined); // OR, BTS and so on
  assert.equal(entry(), d.pte(DATA, RW) | (0x40n << 32n));
  set();
  for (const [size, access] of [[1, 1], [2, 1], [4, MODIFY | LOCKED]]) {
    assert.equal(d.store(at + 4, 0x40n, size, access).error, 3);
    assert.equal(entry(), d.pte(DATA, P | RW));
  }
});

Deno.test("only aligned stores of a kernel, of up to 8 bytes, into an L1 [ptwr.aligned] [ptwr.user] [ptwr.upper_levels]", async () => {
  const { d, at } = await domain(true);
  assert.equal(d.store(at + 2, 0n, 4).error, 3);
  assert.equal(d.store(at + 1, 0n, 2).error, 3);
  for (const size of [2, 4, 8]) {
    assert.equal(d.store(at, 0n, size, NOT_EMULATED | 1).error, 3, "SSE and x87 stores");
  }
  assert.equal(d.store(at, 0n, 16, MODIFY).error, 3);
  assert.equal(d.store(at - 8, 0n, 16).error, 3, "aligned");
  for (const size of [3, 5, 6, 7]) assert.equal(d.store(at, 0n, size).error, 3, `${size} bytes`);
  assert.deepEqual(d.store(d.va(L1 + 1) - 2, 0n), { error: 3, address: d.va(L1 + 1) - 2 });
  assert.equal(d.store(d.va(1) + 400 * 8, 0n).error, 3, "an L2");
  assert.equal(d.store(d.va(0) + 8, 0n).error, 3, "an L3");
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.store(d.va(DATA), 0n).error, 3, "a page that is no table");
  assert.equal(d.remap(L1, P | US), 0);
  d.cpl = 3;
  assert.equal(d.store(at, 0n).error, 7);
  d.sound();
});

Deno.test("OPT_WRITABLE_L2: the same for L2s, still checked [option.writable_l2]", async () => {
  const { d } = await domain(false, OPT_WRITABLE_L2);
  const at = d.va(1) + 9 * 8;
  assert.equal(d.store(at, d.pte(L1, P | RW)).error, undefined);
  assert.equal(d.rig.entry(d.mfns[1], 9), d.pte(L1, P | RW));
  assert.equal(d.store(at, d.pte(DATA, P | RW)).error, 3, "mapped writable");
  assert.equal(d.store(d.va(1) + 430 * 8, 0n).error, 3, "the hypervisor's slot");
  assert.equal(d.store(d.va(0) + 8, 0n).error, 3, "an L3");
  assert.equal(d.mmuext(OP.TLB_FLUSH_LOCAL), 0);
  d.sound();
});
