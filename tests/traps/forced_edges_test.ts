/** The forced-emulation prefix where a page ends: Xen reads it by itself, as data, and what cannot be read is a #PF at its first byte. */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, FREE, P, RW, US, va } from "../cpu/bench.ts";

const bench = await Bench.create();
const [UD, PF] = [6, 14];
const FORCED = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2];
const END = va(FREE + 1);
const signature = { eax: 0x40000000, ecx: 0 };

/** Runs it with its first bytes in one page and the rest in the next, which is there or not. */
function split(before: number, ring: 1 | 3, next: number, code = FORCED) {
  bench.protect(FREE + 1, P | RW | US);
  bench.put(END - before, code);
  bench.put(END + code.length - before, [0xeb, 0xfe]);
  bench.protect(FREE + 1, next);
  return bench.run({
    code: code.slice(0, before),
    at: END - before,
    bare: true,
    ring,
    ...signature,
  });
}

Deno.test("across two pages CPUID is emulated as ever [emulate.forced]", () => {
  for (let before = 1; before < FORCED.length; before++) {
    for (const ring of [1, 3] as const) {
      const r = split(before, ring, P | US);
      assert.deepEqual([r.vector, r.ebx, r.eip], [null, 0x566e6558, END - before + 7]);
    }
  }
});

Deno.test("what lies in a page that is not there: #PF at the page, not present, and the frame at UD2 [emulate.forced] [trap.#PF]", () => {
  for (let before = 2; before < FORCED.length; before++) {
    for (const ring of [1, 3] as const) {
      const r = split(before, ring, 0);
      assert.deepEqual(
        [r.vector, r.error, r.cr2, r.eip, r.eax],
        [PF, ring === 3 ? 4 : 0, END, END - before, signature.eax],
        `${before} bytes before, ring ${ring}`,
      );
    }
  }
});

Deno.test("a page that user mode may not read: Xen reads it all the same [emulate.forced]", () => {
  for (let before = 2; before < FORCED.length; before++) {
    assert.equal(split(before, 3, P).ebx, 0x566e6558);
  }
});

Deno.test("under TF the step's trap comes behind it, and says so [emulate.forced] [emulate.step]", () => {
  for (const ring of [1, 3] as const) {
    const r = bench.run({ code: [...FORCED, 0x90], ring, eflags: 0x100, ...signature });
    assert.deepEqual([r.vector, r.ebx, r.eip], [1, 0x566e6558, va(CODE_PAGE, FORCED.length)]);
    assert.equal(r.dr6 & 0x4000, 0x4000);
  }
});

Deno.test("of other code no more is read than the prefix takes [emulate.forced] [trap.#UD]", () => {
  const other = [0x0f, 0x0b, 0x78, 0x65, 0x6d];
  assert.equal(split(5, 3, 0, [...other, 0x90]).vector, UD);
  assert.equal(split(4, 3, P | US, [...other, 0x90]).vector, UD);
});
