/**
 * Far transfers as instructions: every form at both operand sizes, returns to an outer ring, and pointers
 * that lie over a missing page. Intel SDM volume 2, CALL, JMP, RET and IRET.
 */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, FREE, KCS, KDS, PAGE, UCS, UDS, va } from "./bench.ts";

const bench = await Bench.create();
const GP = 13, PF = 14;
const TARGET = va(CODE_PAGE, 0x400), POINTER = va(FREE, 0x40), STACK = va(FREE, 0x800);
const bytes = (v: number, n: number) => Array.from({ length: n }, (_, i) => v >>> (8 * i) & 255);
const word = (at: number) => bench.get(at, 2).reduce((a, b, i) => a | b << (8 * i), 0);
const dword = (at: number) => (word(at) | word(at + 2) << 16) >>> 0;
bench.put(TARGET, [0xeb, 0xfe]);

Deno.test("32-bit far jumps and calls go to selector and offset, and push CS and EIP", () => {
  for (const [ring, cs] of [[1, KCS], [3, UCS]] as const) {
    bench.put(POINTER, [...bytes(TARGET, 4), ...bytes(cs, 2)]);
    const forms: [string, number[], boolean][] = [
      ["jmp ptr", [0xea, ...bytes(TARGET, 4), ...bytes(cs, 2)], false],
      ["call ptr", [0x9a, ...bytes(TARGET, 4), ...bytes(cs, 2)], true],
      ["jmp [ebx]", [0xff, 0x2b], false],
      ["call [ebx]", [0xff, 0x1b], true],
    ];
    for (const [name, code, pushes] of forms) {
      bench.put(STACK - 8, new Array(8).fill(0xee));
      const r = bench.run({ ring, code, ebx: POINTER, esp: STACK });
      assert.deepEqual([r.vector, r.eip, r.cs], [null, TARGET, cs], name);
      assert.equal(r.esp, pushes ? STACK - 8 : STACK, name);
      if (!pushes) continue;
      assert.deepEqual([dword(STACK - 8), word(STACK - 4)], [va(CODE_PAGE, code.length), cs], name);
    }
  }
});

Deno.test("with a 66 prefix the offset is 16 bits, and two words of two bytes are pushed", () => {
  // offset 0x0400 of a flat segment is no page of the guest's: the fault is the target's
  bench.put(POINTER, [...bytes(0x0400, 2), ...bytes(UCS, 2)]);
  const forms: [string, number[], boolean][] = [
    ["jmp ptr", [0x66, 0xea, 0, 4, ...bytes(UCS, 2)], false],
    ["call ptr", [0x66, 0x9a, 0, 4, ...bytes(UCS, 2)], true],
    ["jmp [ebx]", [0x66, 0xff, 0x2b], false],
    ["call [ebx]", [0x66, 0xff, 0x1b], true],
  ];
  for (const [name, code, pushes] of forms) {
    const r = bench.run({ ring: 3, code, ebx: POINTER, esp: STACK });
    assert.deepEqual([r.vector, r.error, r.cr2, r.eip], [PF, 0x14, 0x400, 0x400], name);
    assert.equal(r.esp, pushes ? STACK - 4 : STACK, name);
    if (!pushes) continue;
    assert.deepEqual([word(STACK - 4), word(STACK - 2)], [
      va(CODE_PAGE, code.length) & 0xffff,
      UCS,
    ]);
  }
});

Deno.test("a far pointer over a missing page: #PF at that page, nothing pushed", () => {
  bench.protect(FREE + 1, 0);
  for (const code of [[0xff, 0x2b], [0xff, 0x1b], [0xc4, 0x03], [0x0f, 0xb2, 0x03]]) {
    for (const inside of [1, 2, 3, 4, 5]) {
      const ebx = va(FREE + 1) - inside;
      const r = bench.run({ ring: 3, code, ebx, esp: STACK });
      assert.deepEqual([r.vector, r.error, r.cr2], [PF, 4, va(FREE + 1)], `${code} ${inside}`);
      assert.deepEqual([r.eip, r.esp, r.ebx], [va(CODE_PAGE), STACK, ebx]);
    }
  }
  bench.protect(FREE + 1, 7);
});

Deno.test("far returns in the ring: both operand sizes, parameters dropped", () => {
  bench.put(STACK, [...bytes(TARGET, 4), ...bytes(UCS, 4)]);
  for (const [code, drop] of [[[0xcb], 8], [[0xca, 6, 0], 14]] as const) {
    const r = bench.run({ ring: 3, code: [...code], esp: STACK });
    assert.deepEqual([r.vector, r.eip, r.cs, r.esp], [null, TARGET, UCS, STACK + drop]);
  }
  bench.put(STACK, [...bytes(0x400, 2), ...bytes(UCS, 2)]);
  const short = bench.run({ ring: 3, code: [0x66, 0xcb], esp: STACK });
  assert.deepEqual([short.vector, short.cr2, short.esp], [PF, 0x400, STACK + 4]);
});

Deno.test("returns to ring 3 take its stack and drop the kernel's data segments", () => {
  const outer = va(FREE + 2, 0x100);
  bench.put(STACK, [...bytes(TARGET, 4), ...bytes(UCS, 4), ...bytes(outer, 4), ...bytes(UDS, 4)]);
  const r = bench.run({ ring: 1, code: [0xcb], esp: STACK });
  assert.deepEqual([r.vector, r.eip, r.cs, r.esp], [null, TARGET, UCS, outer]);
  // RETF n drops from both stacks: the outer pair lies behind the parameters
  const at = STACK + 8 + 4;
  bench.put(at, [...bytes(outer, 4), ...bytes(UDS, 4)]);
  const n = bench.run({ ring: 1, code: [0xca, 4, 0], esp: STACK });
  assert.deepEqual([n.vector, n.esp], [null, outer + 4]);
  const frame = [TARGET, UCS, 0x202 | 0x41, outer, UDS].flatMap((v) => bytes(v, 4));
  bench.put(STACK, frame);
  const i = bench.run({ ring: 1, code: [0xcf], esp: STACK });
  assert.deepEqual([i.vector, i.eip, i.cs, i.esp, i.eflags & 0x8d5], [
    null,
    TARGET,
    UCS,
    outer,
    0x41,
  ]);
  // a use of DS after it finds it null
  bench.put(va(CODE_PAGE, 0x500), [0x8b, 0x03]);
  bench.put(STACK, [va(CODE_PAGE, 0x500), ...[UCS, 0x202, outer, UDS]].flatMap((v) => bytes(v, 4)));
  const d = bench.run({ ring: 1, code: [0xcf], esp: STACK, ebx: POINTER });
  assert.deepEqual([d.vector, d.error, d.eip], [GP, 0, va(CODE_PAGE, 0x500)]);
});

Deno.test("returns that may not be: an inner ring, a bad selector, a bad outer stack", () => {
  const outer = va(FREE + 2, 0x100);
  const cases: [string, 1 | 3, number, number, number, number][] = [
    // name, ring, CS, SS, vector, error
    ["to ring 1 from ring 3", 3, KCS, UDS, GP, KCS & ~3],
    ["null CS", 3, 0, UDS, GP, 0],
    ["null CS, RPL 3", 3, 3, UDS, GP, 0],
    ["data as code", 3, UDS, UDS, GP, UDS & ~3],
    ["outside the table", 3, 0x1003, UDS, GP, 0x1000],
    ["null SS", 1, UCS, 0, GP, 0],
    ["kernel's SS for ring 3", 1, UCS, KDS, GP, KDS & ~3],
    ["code as SS", 1, UCS, UCS, GP, UCS & ~3],
  ];
  for (const [name, ring, cs, ss, vector, error] of cases) {
    for (const [code, flags] of [[[0xcb], []], [[0xcf], [0x202]]] as const) {
      bench.put(STACK, [TARGET, cs, ...flags, outer, ss].flatMap((v) => bytes(v, 4)));
      const r = bench.run({ ring, code: [...code], esp: STACK });
      assert.deepEqual(
        [r.vector, r.error, r.eip],
        [vector, error, va(CODE_PAGE)],
        `${name} ${code}`,
      );
      if (ring === 3) assert.equal(r.esp, STACK, name);
    }
  }
});

Deno.test("a return frame over a missing page is #PF at that page with the stack as it was", () => {
  bench.protect(FREE + 1, 0);
  for (
    const [code, size] of [[[0xcb], 8], [[0xcf], 12], [[0x66, 0xcb], 4], [[0x66, 0xcf], 6]] as const
  ) {
    const esp = va(FREE, PAGE - 2);
    const r = bench.run({ ring: 3, code: [...code], esp });
    assert.deepEqual([r.vector, r.error, r.cr2, r.esp], [PF, 4, va(FREE + 1), esp], `${size}`);
  }
  bench.protect(FREE + 1, 7);
});

Deno.test("a 16-bit IRET keeps the upper half of EFLAGS and cuts EIP", () => {
  bench.put(STACK, [...bytes(0x400, 2), ...bytes(UCS, 2), ...bytes(0x46, 2)]);
  const r = bench.run({ ring: 3, code: [0x66, 0xcf], esp: STACK, eflags: 0x240000 });
  assert.deepEqual([r.vector, r.cr2, r.esp], [PF, 0x400, STACK + 6]);
  assert.equal(r.eflags & 0x2408d5, 0x240044);
});
