/**
 * INT n, INT3, INTO, INT1, the task gates that are none, and what else may not be done: one case for each
 * row of the manual's tables. Intel SDM volume 3, 6.13 (error codes: index, TI, IDT, EXT); a PV guest's
 * table stands in for the IDT (traps/interrupt.ts).
 */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, va } from "./bench.ts";

const bench = await Bench.create();
const GP = 13, UD = 6, DE = 0, BR = 5, OF = 0x800;

Deno.test("INT3, INT 3, INTO and INT 4 are traps: EIP behind them, no error code, from both rings [trap.#BP] [trap.#OF]", () => {
  for (const ring of [1, 3] as const) {
    for (
      const [code, vector] of [[[0xcc], 3], [[0xcd, 3], 3], [[0xce], 4], [[0xcd, 4], 4], [
        [0xcd, 0x80],
        0x80,
      ]] as const
    ) {
      const r = bench.run({ ring, code: [...code], eflags: OF });
      assert.deepEqual([r.vector, r.error, r.eip], [vector, null, va(CODE_PAGE, code.length)]);
    }
    assert.equal(bench.run({ ring, code: [0xce] }).vector, null); // INTO without OF
  }
});

Deno.test("INT n that the table does not open to the ring: #GP(n * 8 + 2) at the instruction [trap.int]", () => {
  for (let n = 0; n < 256; n++) {
    if ([3, 4, 0x80].includes(n)) continue;
    const r = bench.run({ ring: 3, code: [0xcd, n] });
    assert.deepEqual([r.vector, r.error, r.eip], [GP, n * 8 + 2, va(CODE_PAGE)], `int ${n}`);
  }
});

Deno.test("INT1 is #DB behind the instruction", () => {
  const r = bench.run({ ring: 3, code: [0xf1] });
  assert.deepEqual([r.vector, r.eip], [1, va(CODE_PAGE, 1)]);
});

Deno.test("faults at the instruction, with registers as they were", () => {
  const cases: [string, number[], number, number | null, Record<string, number>][] = [
    ["div by zero", [0xf7, 0xf3], DE, null, { ebx: 0 }],
    ["div too large", [0xf7, 0xf3], DE, null, { ebx: 1, edx: 1 }],
    ["idiv overflow", [0xf7, 0xfb], DE, null, {
      ebx: 0xffffffff,
      eax: 0x80000000,
      edx: 0xffffffff,
    }],
    ["aam 0", [0xd4, 0], DE, null, {}],
    ["bound below", [0x62, 0x03], BR, null, { ebx: va(CODE_PAGE, 0x100), eax: 0xffffffff }],
    ["ud2", [0x0f, 0x0b], UD, null, {}],
    ["ud1", [0x0f, 0xb9, 0xc0], UD, null, {}],
    ["ud0", [0x0f, 0xff, 0xc0], UD, null, {}],
    ["lock without memory", [0xf0, 0x01, 0xc0], UD, null, {}],
    ["lock on a reader", [0xf0, 0x39, 0x03], UD, null, { ebx: va(CODE_PAGE, 0x100) }],
    ["lock nop", [0xf0, 0x90], UD, null, {}],
    ["lea of a register", [0x8d, 0xc0], UD, null, {}],
    ["cmpxchg8b of a register", [0x0f, 0xc7, 0xc8], UD, null, {}],
    ["mov cs", [0x8e, 0xc8], UD, null, {}],
    ["mov sreg 6", [0x8e, 0xf0], UD, null, {}],
    ["sysenter", [0x0f, 0x34], UD, null, {}],
    ["syscall", [0x0f, 0x05], UD, null, {}],
    ["monitor", [0x0f, 0x01, 0xc8], UD, null, {}],
    ["mwait", [0x0f, 0x01, 0xc9], UD, null, {}],
    ["vmcall", [0x0f, 0x01, 0xc1], UD, null, {}],
    ["rsm", [0x0f, 0xaa], UD, null, {}],
    ["hlt", [0xf4], GP, 0, {}],
    ["cli", [0xfa], GP, 0, {}],
    ["in al, 80", [0xe4, 0x80], GP, 0, {}],
    ["lgdt", [0x0f, 0x01, 0x10], GP, 0, { eax: va(CODE_PAGE, 0x100) }],
    ["lldt", [0x0f, 0x00, 0xd0], GP, 0, {}],
    ["ltr", [0x0f, 0x00, 0xd8], GP, 0, {}],
    ["mov eax, cr3", [0x0f, 0x20, 0xd8], GP, 0, {}],
    ["mov dr0, eax", [0x0f, 0x23, 0xc0], GP, 0, {}],
    ["wrmsr", [0x0f, 0x30], GP, 0, {}],
    ["invlpg", [0x0f, 0x01, 0x38], GP, 0, { eax: va(CODE_PAGE, 0x100) }],
    ["wbinvd", [0x0f, 0x09], GP, 0, {}],
    ["clts", [0x0f, 0x06], GP, 0, {}],
    ["iret with NT", [0xcf], GP, 0, { eflags: 0x4000 }],
  ];
  bench.put(va(CODE_PAGE, 0x100), [0, 0, 0, 0, 9, 0, 0, 0]);
  for (const [name, code, vector, error, { eflags = 0, ...registers }] of cases) {
    const r = bench.run({ ring: 3, code, eflags, ...registers });
    assert.deepEqual([r.vector, r.error, r.eip], [vector, error, va(CODE_PAGE)], name);
    for (const [n, v] of Object.entries(registers)) assert.equal(r[n as "eax"], v, name);
  }
});

Deno.test("selectors that may not be loaded, by every instruction that loads one", () => {
  const at = va(CODE_PAGE, 0x200);
  const pointer = (selector: number) => [0, 0, 0, 0, selector & 255, selector >> 8];
  // selector, and the error code it leaves
  const bad: [number, number][] = [
    [0x0008, 0x0008], // beyond the guest's GDT
    [0x0004, 0x0004], // no LDT
    [0xe008, 0xe008], // a ring 0 segment of the hypervisor's
    [0xe040, 0xe040], // its TSS
  ];
  for (const [selector, error] of bad) {
    const ways: [string, number[]][] = [
      ["mov ds", [0x8e, 0xd8]],
      ["mov es", [0x8e, 0xc0]],
      ["mov fs", [0x8e, 0xe0]],
      ["mov gs", [0x8e, 0xe8]],
      ["mov ss", [0x8e, 0xd0]],
      ["lds", [0xc5, 0x03]],
      ["les", [0xc4, 0x03]],
      ["lss", [0x0f, 0xb2, 0x03]],
      ["lfs", [0x0f, 0xb4, 0x03]],
      ["lgs", [0x0f, 0xb5, 0x03]],
      ["jmp far", [0xff, 0x2b]],
      ["call far", [0xff, 0x1b]],
      ["jmp ptr", [0xea, 0, 0, 0, 0, selector & 255, selector >> 8]],
      ["call ptr", [0x9a, 0, 0, 0, 0, selector & 255, selector >> 8]],
    ];
    bench.put(at, pointer(selector));
    for (const [name, code] of ways) {
      const r = bench.run({ ring: 3, code, eax: selector, ebx: at });
      const what = `${name} ${selector.toString(16)}`;
      assert.deepEqual([r.vector, r.error, r.eip], [GP, error, va(CODE_PAGE)], what);
      assert.deepEqual([r.eax, r.ebx], [selector, at], what);
    }
    // LAR, LSL, VERR and VERW ask without a fault
    for (
      const code of [[0x0f, 0x02, 0xc8], [0x0f, 0x03, 0xc8], [0x0f, 0x00, 0xe0], [0x0f, 0x00, 0xe8]]
    ) {
      const r = bench.run({ ring: 3, code, eax: selector, ecx: 7, eflags: 0x40 });
      assert.deepEqual([r.vector, r.ecx, r.eflags & 0x40], [null, 7, 0], code.join());
    }
  }
  // null: fine for data, #GP(0) for SS and code
  for (const [code, vector] of [[[0x8e, 0xd8], null], [[0x8e, 0xd0], GP]] as const) {
    const r = bench.run({ ring: 3, code: [...code], eax: 3 });
    assert.deepEqual([r.vector, r.error], [vector, vector && 0]);
  }
});
