/** ENTER at every nesting level, both operand sizes, both stack sizes (SDM volume 2, ENTER), and LEAVE after it. */
import assert from "node:assert/strict";
import { Bench, DATA16, DATA32, KDS, PAGE, va } from "./bench.ts";

const bench = await Bench.create();
const STACK = 40, FRAMES = 44;
const BASE = va(STACK);

/** The manual's algorithm over words by address; the stack segment begins at BASE. */
function model(
  size: 2 | 4,
  stack16: boolean,
  level: number,
  bytes: number,
  sp: number,
  bp: number,
  high: number,
) {
  const cut = (a: number) => stack16 ? a & 0xffff : a >>> 0;
  const written = new Map<number, number>();
  const push = (v: number) => {
    sp = cut(sp - size);
    written.set(sp, size === 2 ? v & 0xffff : v >>> 0);
  };
  const read = (at: number) => written.get(at) ?? (size === 2 ? word(at) & 0xffff : word(at));
  push(bp + high);
  // the frame pointer is as wide as the operand: with 32 bits ESP as it is, whatever the stack's width
  const frame = size === 4 ? sp + high : sp;
  let from = bp;
  for (let i = 1; i < level; i++) {
    from = cut(from - size);
    push(read(from));
  }
  if (level > 0) push(frame);
  return { written, frame, sp: cut(sp - bytes) };
}
const word = (offset: number) => {
  const b = bench.get(BASE + offset, 4);
  return (b[0] | b[1] << 8 | b[2] << 16 | b[3] << 24) >>> 0;
};

for (const size of [2, 4] as const) {
  for (const stack16 of [false, true]) {
    Deno.test(`ENTER 0 to 31, ${size * 8}-bit, on a ${stack16 ? 16 : 32}-bit stack`, () => {
      const attributes = (stack16 ? DATA16 : DATA32) & ~0x6000 | 0x2000;
      const segments = { 2: { selector: KDS, attributes, base: BASE, limit: 0xffff } };
      for (let level = 0; level < 64; level += level < 32 ? 1 : 13) {
        const sp = 0x2000, bp = 0x3800, bytes = level * 12;
        for (let at = 0; at < 0x400; at += 4) {
          bench.guest.write(BASE + bp - 0x200 + at, (at * 0x01010101) >>> 0);
        }
        // upper halves that a 16-bit stack does not look at and must keep
        const high = stack16 ? 0x55550000 : 0;
        const expected = model(size, stack16, level & 31, bytes, sp, bp, high);
        const code = [...size === 2 ? [0x66] : [], 0xc8, bytes & 255, bytes >> 8, level];
        const r = bench.run({ code, segments, esp: sp | high, ebp: bp | high });
        const name = `level ${level}`;
        assert.equal(r.vector, null, name);
        assert.equal(r.esp & (stack16 ? 0xffff : -1), expected.sp, name);
        assert.equal(r.esp & (stack16 ? 0xffff0000 : 0), high, name);
        assert.equal(size === 4 ? r.ebp : r.ebp & 0xffff, expected.frame, name);
        if (size === 2) assert.equal(r.ebp >>> 16, high >>> 16, name);
        for (const [at, value] of expected.written) {
          assert.equal(
            size === 2 ? word(at) & 0xffff : word(at),
            value,
            `${name} at ${at.toString(16)}`,
          );
        }
        const left = bench.run({
          code: [...size === 2 ? [0x66] : [], 0xc9],
          segments,
          esp: r.esp,
          ebp: r.ebp,
        });
        assert.deepEqual(
          [left.esp & 0xffff, left.ebp & 0xffff],
          [sp, bp],
          `LEAVE after ${name}`,
        );
      }
    });
  }
}

Deno.test("ENTER over a page that is not there, at each of its words: #PF, nothing moved", () => {
  const missing = FRAMES + 2;
  bench.protect(missing, 0);
  for (let level = 1; level < 8; level++) {
    for (let n = 0; n <= level; n++) {
      // word n of the frame is the first one below the page's end
      const esp = va(missing + 1) + n * 4;
      const r = bench.run({ code: [0xc8, 0, 0, level], ring: 3, esp, ebp: va(FRAMES, 0x800) });
      assert.deepEqual([r.vector, r.cr2, r.esp, r.ebp], [
        14,
        va(missing, PAGE - 4),
        esp,
        va(FRAMES, 0x800),
      ]);
    }
    // and where it reads the outer frames' pointers
    if (level > 1) {
      const ebp = va(missing + 1, 0), esp = va(FRAMES, 0x800);
      const r = bench.run({ code: [0xc8, 0, 0, level], ring: 3, esp, ebp });
      assert.deepEqual([r.vector, r.cr2, r.esp, r.ebp], [14, va(missing, PAGE - 4), esp, ebp]);
    }
  }
  bench.protect(missing, 0x67);
});
