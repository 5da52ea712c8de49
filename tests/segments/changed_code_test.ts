/**
 * The hypervisor's way back loads CS and SS from their tables: what a hypercall did to the descriptor of
 * the running code shows at the very next instruction. (A stack of the kernel's that is lost so has no
 * room for the fault's frame either, and the domain ends.)
 */
import assert from "node:assert/strict";
import { Bench, CODE32, CODE_PAGE, DATA32, P, type Setup, va } from "../cpu/bench.ts";

const TABLE = 30;
const NP = 11, GP = 13;
const UPDATE_DESCRIPTOR = 10, SET_GDT = 2;
/** Entries 1 and 2 of the guest's table: code and data, flat, of ring 1. */
const CODE = 9, DATA = 17;
const flat = (attributes: number) => [0xffff, attributes & ~0x6000 | 0xf2000] as const;

const bench = await Bench.create();
bench.guest.write(va(TABLE), 0, 0, ...flat(CODE32), ...flat(DATA32));
bench.protect(TABLE, P);
bench.guest.enter();
assert.equal(bench.guest.call(SET_GDT, bench.guest.write(va(9), bench.guest.mfns[TABLE]), 3), 0);
bench.guest.rig.inside.slice_end();

const hidden = (selector: number, attributes: number) => ({
  selector,
  attributes: attributes & ~0x6000 | 0x2000,
});

/** Changes a descriptor by a hypercall of code that runs on both of them; what comes after it. */
function change(entry: number, high: number) {
  const at = bench.guest.mfns[TABLE] * 4096 + entry * 8;
  const setup: Setup = {
    code: [0xcd, 0x82, 0x43, 0x43],
    eax: UPDATE_DESCRIPTOR,
    ebx: at,
    ecx: 0,
    edx: 0xffff,
    esi: high,
    segments: { 1: hidden(CODE, CODE32), 2: hidden(DATA, DATA32) },
    budget: 1000,
  };
  const r = bench.run(setup);
  bench.guest.enter();
  assert.equal(
    bench.guest.call(UPDATE_DESCRIPTOR, at, 0, ...flat(entry === 1 ? CODE32 : DATA32)),
    0,
  );
  bench.guest.rig.inside.slice_end();
  return { ...r, done: r.ebx - at };
}

Deno.test("a code segment that is not present any more: #NP at the instruction behind the hypercall [trap.#NP] [descriptor.reload]", () => {
  const r = change(1, flat(CODE32)[1] & ~0x8000);
  assert.deepEqual([r.vector, r.error, r.eip, r.done], [NP, CODE & ~3, va(CODE_PAGE, 2), 0]);
});

Deno.test("a code segment that ends before the instruction: #GP(0) [trap.#GP] [descriptor.reload]", () => {
  const r = change(1, flat(CODE32)[1] & ~0x8f0000); // 64 KiB
  assert.deepEqual([r.vector, r.error, r.eip, r.done], [GP, 0, va(CODE_PAGE, 2), 0]);
});

Deno.test("a code segment that became data: #GP(selector) [descriptor.reload]", () => {
  const code = change(1, flat(DATA32)[1]);
  assert.deepEqual([code.vector, code.error, code.done], [GP, CODE & ~3, 0]);
});

Deno.test("one that changed in nothing that matters: on as if nothing had been [descriptor.reload]", () => {
  const r = change(1, flat(CODE32)[1] | 0x100000); // AVL
  assert.deepEqual([r.vector, r.done], [null, 2]);
});
