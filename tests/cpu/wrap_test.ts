/**
 * The end of 4 GiB. An access that goes over it lies beyond the limit of every segment: #GP(0), of the
 * stack segment #SS(0). The manual leaves it open (volume 3, 5.3); the processor of tests/oracle does so,
 * with nothing mapped there either. (Of operands of more than 16 bytes, and of what is stored in several
 * pieces, it finds the missing page first; and of PUSH FS it minds four bytes, while it writes two.)
 */
import assert from "node:assert/strict";
import { Bench, DATA32, type Result, type Setup, UDS, va } from "./bench.ts";

const bench = await Bench.create();
const SS = 12, GP = 13, PF = 14;
const word = (n: number) => [n & 255, n >> 8 & 255, n >> 16 & 255, n >>> 24];
const END = 0xffffffff;

const CASES: [string, number[], Partial<Setup>, number][] = [
  ["mov eax, [fffffffe]", [0xa1, ...word(0xfffffffe)], {}, GP],
  ["mov [fffffffe], eax", [0xa3, ...word(0xfffffffe)], {}, GP],
  ["mov eax, [esi], by ModRM", [0x8b, 0x06], { esi: 0xfffffffd }, GP],
  ["add [ebx], eax", [0x01, 0x03], { ebx: 0xfffffffd }, GP],
  ["lock add [ebx], eax", [0xf0, 0x01, 0x03], { ebx: 0xfffffffd }, GP],
  ["mov ax, [ffffffff]", [0x66, 0xa1, ...word(END)], {}, GP],
  ["cs: mov eax, [fffffffe]", [0x2e, 0xa1, ...word(0xfffffffe)], {}, GP],
  ["fs: mov eax, [fffffffe]", [0x64, 0xa1, ...word(0xfffffffe)], {}, GP],
  ["mov eax, [ebp]", [0x8b, 0x45, 0], { ebp: 0xfffffffe }, SS],
  ["ds: mov eax, [ebp]", [0x3e, 0x8b, 0x45, 0], { ebp: 0xfffffffe }, GP],
  ["ss: mov eax, [esi]", [0x36, 0x8b, 0x06], { esi: 0xfffffffe }, SS],
  ["movups xmm0, [fffffff8]", [0x0f, 0x10, 0x05, ...word(0xfffffff8)], {}, GP],
  ["movups xmm0, [ebp]", [0x0f, 0x10, 0x45, 0], { ebp: 0xfffffff8 }, SS],
  ["movdqu [esi], xmm0", [0xf3, 0x0f, 0x7f, 0x06], { esi: 0xfffffff1 }, GP],
  ["lddqu xmm0, [ebp]", [0xf2, 0x0f, 0xf0, 0x45, 0], { ebp: 0xfffffff8 }, SS],
  ["fld m80", [0xdb, 0x2d, ...word(0xfffffffc)], {}, GP],
  ["fstp m64", [0xdd, 0x1d, ...word(0xfffffffc)], {}, GP],
  ["cmpxchg8b", [0x0f, 0xc7, 0x0d, ...word(0xfffffffc)], {}, GP],
  ["movs, to", [0xa5], { edi: 0xfffffffe, esi: va(20) }, GP],
  ["movs, from", [0xa5], { esi: 0xfffffffe, edi: va(20) }, GP],
  ["rep stos", [0xf3, 0xab], { edi: 0xfffffffe, ecx: 3 }, GP],
  ["lea does not look", [0x8d, 0x05, ...word(0xfffffffe)], {}, 0],
  // up to the end it is an access like others, and nothing is mapped there
  ["mov al, [ffffffff]", [0xa0, ...word(END)], {}, PF],
  ["mov eax, [fffffffc]", [0xa1, ...word(0xfffffffc)], {}, PF],
  ["movups xmm0, [fffffff0]", [0x0f, 0x10, 0x05, ...word(0xfffffff0)], {}, PF],
  // the sum of address parts wraps, and so does that of base and offset
  ["mov eax, [esi+8]", [0x8b, 0x46, 8], { esi: 0xfffffffe }, PF],
  ["fs: with a base", [0x64, 0xa1, ...word(0xffffff80)], {
    segments: { 4: { attributes: DATA32, base: 0x100, selector: UDS } },
  }, PF],
];

for (const ring of [1, 3] as const) {
  Deno.test(`data over the end of 4 GiB, in ring ${ring}`, () => {
    for (const [name, code, setup, vector] of CASES) {
      const r: Result = bench.run({ code, ring, ...setup });
      assert.equal(r.vector ?? 0, vector, name);
      if (vector === SS || vector === GP) assert.equal(r.error, 0, name);
    }
  });
}

Deno.test("the stack over the end of 4 GiB: #SS(0), in ring 3", () => {
  // in ring 1 the frame has no place either
  const forms: [string, number[], number, number][] = [
    ["push", [0x50], 2, SS],
    ["push word", [0x66, 0x50], 1, SS],
    ["push at 0 is in the last four bytes", [0x50], 0, PF],
    ["pop", [0x58], 0xfffffffe, SS],
    ["call", [0xe8, 0, 0, 0, 0], 3, SS],
    ["ret", [0xc3], 0xfffffffd, SS],
    ["pushf", [0x9c], 1, SS],
    ["pusha", [0x60], 2, SS],
    ["popa", [0x61], 0xfffffffe, SS],
    ["push fs, of which a word is written", [0x0f, 0xa0], 3, SS],
    ["enter", [0xc8, 0, 0, 0], 2, SS],
    ["push m", [0xff, 0x35, ...word(va(20))], 2, SS],
  ];
  for (const [name, code, esp, vector] of forms) {
    const r = bench.run({ code, ring: 3, esp });
    assert.deepEqual([r.vector, r.esp], [vector, esp], name);
    if (vector === SS) assert.equal(r.error, 0, name);
  }
  const leave = bench.run({ code: [0xc9], ring: 3, ebp: 0xfffffffe });
  assert.deepEqual([leave.vector, leave.ebp], [SS, 0xfffffffe]);
});

Deno.test("EIP wraps at 4 GiB: the fetch is a fetch of a page that is not there", () => {
  for (const target of [0xffffffff, 0xfffffffe]) {
    const r = bench.run({ code: [0xff, 0xe0], eax: target, ring: 3 });
    assert.deepEqual([r.vector, r.cr2, r.eip], [PF, target, target]);
  }
  // a jump back over 0: its sum is cut to 32 bits
  const at = va(5);
  const r = bench.run({ code: [0xe9, ...word((0x40 - at - 5) >>> 0)], ring: 3 });
  assert.deepEqual([r.vector, r.cr2], [PF, 0x40]);
});
