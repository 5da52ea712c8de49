/** What IN, OUT, INS and OUTS do at their edges: two latches, the bitmap's last byte, segments that refuse, CR4.DE taken away. */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, DATA32, FREE, KDS, type Setup, va } from "../cpu/bench.ts";

const bench = await Bench.create();
const [GP, SS] = [13, 12];
const [PHYSDEV, SET_IOPL, SET_IOBITMAP] = [33, 6, 7];
const DATA = va(FREE, 0x100);

function physdev(op: number, ...words: number[]): void {
  bench.guest.enter();
  assert.equal(bench.guest.call(PHYSDEV, op, bench.guest.write(va(9), ...words)), 0);
  bench.guest.rig.inside.slice_end();
}
const run = (code: number[], setup: Partial<Setup> = {}) => bench.run({ code, ...setup });

Deno.test("0xCF8 is a latch of its dword alone [emulate.in] [emulate.out]", () => {
  physdev(SET_IOPL, 1);
  const latch = () => run([0xed], { edx: 0xcf8, eax: 0 }).eax;
  run([0xef], { edx: 0xcf8, eax: 0x12345678 });
  assert.equal(latch(), 0x12345678);
  run([0xee], { edx: 0xcf8, eax: 0x55 }); // a byte
  run([0x66, 0xef], { edx: 0xcf8, eax: 0x5555 }); // a word
  for (const port of [0xcf4, 0xcf7, 0xcf9, 0xcfc]) run([0xef], { edx: port, eax: 0x55555555 });
  assert.equal(latch(), 0x12345678);
  assert.equal(run([0xec], { edx: 0xcf8, eax: 0 }).eax, 0xff);
  assert.equal(run([0x66, 0xed], { edx: 0xcf8, eax: 0 }).eax, 0xffff);
  assert.equal(run([0xed], { edx: 0xcfc, eax: 0 }).eax, 0xffffffff);
});

Deno.test("0x70 keeps the byte written last, wherever in an access it lies [emulate.in] [emulate.out]", () => {
  physdev(SET_IOPL, 1);
  const latch = () => run([0xec], { edx: 0x70, eax: 0 }).eax;
  run([0xee], { edx: 0x70, eax: 0x12 });
  assert.equal(latch(), 0x12);
  run([0xef], { edx: 0x6e, eax: 0x44332211 });
  assert.equal(latch(), 0x33);
  for (const port of [0x6c, 0x71]) run([0xef], { edx: port, eax: 0x55555555 });
  assert.equal(latch(), 0x33);
  assert.equal(run([0xed], { edx: 0x6f, eax: 0 }).eax, 0xffff33ff);
});

Deno.test("a bitmap whose last byte ends a page: the byte behind, which cannot be read, denies [emulate.iobitmap]", () => {
  physdev(SET_IOPL, 0);
  bench.protect(FREE + 1, 0);
  physdev(SET_IOBITMAP, va(FREE + 1) - 13, 0x100); // ports 0x60 to 0x67 are the last byte
  bench.put(va(FREE + 1) - 1, [0]);
  for (const ring of [1, 3] as const) {
    assert.equal(run([0xe4, 0x67], { ring }).vector, null);
    assert.equal(run([0x66, 0xe5, 0x66], { ring }).vector, null);
    assert.equal(run([0xe5, 0x64], { ring }).vector, null);
    for (const code of [[0x66, 0xe5, 0x67], [0xe5, 0x65], [0xe4, 0x68]]) {
      const r = run(code, { ring });
      assert.deepEqual([r.vector, r.error], [GP, 0]);
    }
  }
  bench.put(va(FREE + 1) - 1, [0x80]);
  assert.equal(run([0xe4, 0x67]).vector, GP);
  assert.equal(run([0xe4, 0x66]).vector, null);
  physdev(SET_IOBITMAP, 0, 0);
  bench.protect(FREE + 1, 7);
});

Deno.test("INS and OUTS by a segment that refuses: its fault, nothing moved [emulate.ins] [emulate.outs]", () => {
  physdev(SET_IOPL, 1);
  const none = { selector: 0, attributes: 0, base: 0, limit: 0 };
  const short = { selector: KDS, attributes: DATA32 & ~0x6000 | 0x2000, base: 0, limit: DATA + 1 };
  const readOnly = { ...short, limit: 0xffffffff, attributes: short.attributes & ~0x200 };
  const cases: [code: number[], segment: number, hidden: typeof none, vector: number][] = [
    [[0xf3, 0x6d], 0, none, GP],
    [[0xf3, 0x6d], 0, short, GP],
    [[0xf3, 0x6d], 0, readOnly, GP],
    [[0xf3, 0x6f], 3, none, GP],
    [[0xf3, 0x6f], 3, short, GP],
    [[0xf3, 0x64, 0x6f], 4, none, GP],
    [[0xf3, 0x36, 0x6f], 2, short, SS],
  ];
  bench.put(DATA, [1, 2, 3, 4]);
  for (const [code, segment, hidden, vector] of cases) {
    const where = { esi: DATA, edi: DATA, ecx: 2, edx: 0x70 };
    run([0xee], { edx: 0x70, eax: 0x77 });
    const r = run(code, { ...where, segments: { [segment]: hidden } });
    // the frame of a refused SS goes through it
    assert.deepEqual([r.vector, r.error, r.eip], [vector, 0, va(CODE_PAGE)], code.join());
    assert.deepEqual([r.ecx, r.esi, r.edi], [2, DATA, DATA]);
    assert.deepEqual(bench.get(DATA, 4), [1, 2, 3, 4]);
    assert.equal(run([0xec], { edx: 0x70, eax: 0 }).eax, 0x77, "nothing was put out");
  }
});

Deno.test("an I/O breakpoint sleeps while CR4.DE is off [emulate.io_breakpoint]", () => {
  physdev(SET_IOPL, 1);
  const setCr4 = (eax: number) => [0xb8, eax, 0, 0, 0, 0x0f, 0x22, 0xe0];
  const setDr = (n: number, eax: number) => [
    ...[0xb8, eax, eax >>> 8, eax >>> 16, 0].map((b) => b & 0xff),
    ...[0x0f, 0x23, 0xc0 | n << 3],
  ];
  const armed = [...setCr4(8), ...setDr(0, 0x60), ...setDr(7, 0x20401)];
  const debug = { 7: 0x400 }; // as it is before, and put back after
  assert.equal(run([...armed, 0xe4, 0x60, ...setCr4(0)], { debug }).vector, 1);
  const off = run([...armed, ...setCr4(0), 0xe4, 0x60], { debug });
  assert.deepEqual([off.vector, off.eip], [null, va(CODE_PAGE, armed.length + 10)]);
  const on = run([...armed, ...setCr4(0), ...setCr4(8), 0xe4, 0x60, ...setCr4(0)], { debug });
  assert.equal(on.vector, 1);
  run(setCr4(0));
});

Deno.test("LOCK before any of them is #UD [trap.#UD] [emulate.in] [emulate.out] [emulate.ins] [emulate.outs]", () => {
  physdev(SET_IOPL, 3);
  for (const op of [0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef]) {
    for (const ring of [1, 3] as const) {
      const r = run([0xf0, op, 0x60], { ring, esi: DATA, edi: DATA });
      assert.deepEqual([r.vector, r.eip], [6, va(CODE_PAGE)], op.toString(16));
    }
  }
});
