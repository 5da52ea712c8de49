/**
 * Instructions that do next to nothing, and the LOCK prefix: prefetches, reserved NOPs, CLFLUSH and fences
 * (SDM volume 2), and which instructions LOCK may precede (volume 2, LOCK; #UD before anything else).
 */
import assert from "node:assert/strict";
import { Bench, type Setup, va } from "./bench.ts";

const bench = await Bench.create();
const UD = 6, GP = 13, PF = 14;
const UNMAPPED = 0x00400000;
const NULL_SEGMENT = { 3: { attributes: 0, selector: 0 } };

function vector(code: number[], setup: Partial<Setup> = {}): number | null {
  const r = bench.run({ code, ring: 3, esi: UNMAPPED, ...setup });
  if (r.vector === null) assert.equal(r.eip, va(5, code.length), code.join());
  return r.vector;
}

Deno.test("prefetches and reserved NOPs never fault, whatever they name", () => {
  for (let opcode = 0x18; opcode <= 0x1f; opcode++) {
    for (let reg = 0; reg < 8; reg++) {
      for (const prefix of [[], [0x66], [0xf2], [0xf3], [0x2e], [0x64], [0x67]]) {
        const code = [...prefix, 0x0f, opcode, reg << 3 | 6].concat(
          prefix[0] === 0x67 ? [0, 0] : [],
        );
        assert.equal(vector(code), null);
        assert.equal(vector(code, { segments: NULL_SEGMENT }), null);
      }
    }
  }
  for (let reg = 0; reg < 8; reg++) assert.equal(vector([0x0f, 0x0d, reg << 3 | 6]), null);
  // the long NOPs of assemblers
  for (const tail of [[0x00], [0x40, 0], [0x44, 0, 0], [0x80, 0, 0, 0, 0], [0x84, 0, 0, 0, 0, 0]]) {
    assert.equal(vector([0x0f, 0x1f, ...tail], { eax: UNMAPPED }), null);
    assert.equal(vector([0x66, 0x0f, 0x1f, ...tail], { eax: UNMAPPED }), null);
  }
});

Deno.test("NOP and PAUSE leave EAX, and 66 90 its upper half", () => {
  for (const code of [[0x90], [0x66, 0x90], [0xf3, 0x90], [0xf2, 0x90]]) {
    assert.equal(bench.run({ code, eax: 0x12345678 }).eax, 0x12345678);
  }
});

Deno.test("CLFLUSH faults as a read of a byte does; fences do nothing", () => {
  const clflush = [0x0f, 0xae, 0x3e];
  assert.equal(vector(clflush), PF);
  assert.equal(bench.run({ code: clflush, ring: 3, esi: UNMAPPED }).error, 4);
  assert.equal(vector(clflush, { segments: NULL_SEGMENT }), GP);
  assert.equal(vector(clflush, { esi: va(20) }), null);
  for (const rm of [0xe8, 0xef, 0xf0, 0xf8, 0xff]) assert.equal(vector([0x0f, 0xae, rm]), null);
});

/** Code that LOCK may precede: reads and writes [ebx]. */
const LOCKABLE = [
  ...[0x00, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30].flatMap((o) => [[o, 0x03], [o | 1, 0x03]]),
  ...[0, 1, 2, 3, 4, 5, 6].flatMap((n) => [[0x80, n << 3 | 3, 1], [0x83, n << 3 | 3, 1]]),
  ...[[0x86, 0x03], [0x87, 0x03], [0xfe, 0x03], [0xfe, 0x0b], [0xff, 0x03], [0xff, 0x0b]],
  ...[[0xf6, 0x13], [0xf6, 0x1b], [0xf7, 0x13], [0xf7, 0x1b]],
  ...[[0xab, 0x03], [0xb3, 0x03], [0xbb, 0x03], [0xb0, 0x0b], [0xb1, 0x0b], [0xc0, 0x0b], [
    0xc1,
    0x0b,
  ], [0xc7, 0x0b]]
    .map((c) => [0x0f, ...c]),
  ...[5, 6, 7].map((n) => [0x0f, 0xba, n << 3 | 3, 1]),
];
/** Others, of every kind: not for LOCK even with memory. */
const NOT_LOCKABLE = [
  ...[[0x02, 0x03], [0x03, 0x03], [0x38, 0x03], [0x39, 0x03], [0x80, 0x3b, 1], [0x84, 0x03], [
    0x85,
    0x03,
  ]],
  ...[[0x88, 0x03], [0x89, 0x03], [0x8b, 0x03], [0x8d, 0x03], [0x8f, 0x03], [
    0xc7,
    0x03,
    0,
    0,
    0,
    0,
  ]],
  ...[[0xd1, 0x23], [0xf6, 0x03, 1], [0xf7, 0x23], [0xff, 0x33], [0xa4], [0xab], [0x90], [0x50], [
    0x9c,
  ]],
  ...[[0x0f, 0xa3, 0x03], [0x0f, 0xba, 0x23, 1], [0x0f, 0xaf, 0x03], [0x0f, 0xb6, 0x03], [
    0x0f,
    0xc3,
    0x03,
  ]],
  ...[[0x0f, 0xa4, 0x03, 1], [0x0f, 0x90, 0x03], [0x0f, 0x18, 0x03], [0x0f, 0x1f, 0x03], [
    0x0f,
    0xae,
    0x3b,
  ]],
  ...[[0xd9, 0x03], [0xd9, 0x1b], [0x0f, 0x6f, 0x03], [0x0f, 0x10, 0x03], [0x0f, 0x58, 0x03], [
    0x0f,
    0x77,
  ]],
  ...[[0xeb, 0], [0xe8, 0, 0, 0, 0], [0xcc], [0xcd, 0x80], [0xf4], [0xfa], [0x0f, 0xa2], [
    0x0f,
    0x31,
  ], [0x0f, 0x06]],
];

Deno.test("LOCK: what may have it runs with memory and is #UD with a register; all else is #UD", () => {
  const memory = { ebx: va(20, 64), eax: 0, edx: 0, ecx: 0 };
  for (const code of LOCKABLE) {
    bench.guest.write(va(20, 64), 0, 0);
    const name = code.map((b) => b.toString(16)).join(" ");
    assert.equal(vector([0xf0, ...code], memory), null, name);
    assert.equal(vector([0xf0, 0x36, ...code], memory), null, name);
    const modrm = code[0] === 0x0f ? 2 : 1;
    const register = code.with(modrm, code[modrm] | 0xc0);
    assert.equal(vector([0xf0, ...register]), UD, `${name}, register`);
    // before any fault of its operand
    assert.equal(vector([0xf0, ...register], { ebx: UNMAPPED }), UD);
  }
  for (const code of NOT_LOCKABLE) {
    assert.equal(vector([0xf0, ...code], memory), UD, code.map((b) => b.toString(16)).join(" "));
    assert.equal(vector([0xf0, ...code], { ebx: UNMAPPED }), UD);
  }
});

Deno.test("LOCK does not change which fault an operand gives", () => {
  for (const code of LOCKABLE) {
    const r = bench.run({ code: [0xf0, ...code], ring: 3, ebx: UNMAPPED, eax: 0, edx: 0, ecx: 0 });
    assert.deepEqual([r.vector, r.error, r.cr2], [PF, 6, UNMAPPED]);
  }
});
