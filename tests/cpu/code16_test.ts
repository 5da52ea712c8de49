/**
 * 16-bit code and stack segments, and code segments with a limit: EIP is cut by 16-bit operands, SP wraps
 * at 64 KiB with ESP's upper half as it was, and a jump beyond the limit faults in the jump itself.
 * Intel SDM volume 2, the instructions' pages; volume 3, chapter 22 (mixing 16- and 32-bit code).
 */
import assert from "node:assert/strict";
import { Bench, CODE16, CODE32, CODE_PAGE, DATA16, FREE, PAGE, va } from "./bench.ts";

const bench = await Bench.create();
const GP = 13, SS_FAULT = 12;
const CS = 1, SS = 2;
const base = va(FREE);
const ring3 = (attributes: number) => attributes | 0x6000;
const code16 = (limit = 0xffff) => ({
  [CS]: { selector: 0xe02b, attributes: ring3(CODE16), base: va(CODE_PAGE), limit },
});
const stack16 = (limit = 0xffff) => ({
  [SS]: { selector: 0xe033, attributes: ring3(DATA16), base, limit },
});
const dword = (address: number) =>
  bench.get(address, 4).reduce((a, b, i) => (a | b << (8 * i)) >>> 0, 0);
const word = (address: number) => dword(address) & 0xffff;

Deno.test("in 16-bit code operand and address sizes are 16 bits, and the prefixes make them 32", () => {
  const run = (code: number[], more = {}) =>
    bench.run({ ring: 3, code, eip: 0, segments: code16(), eax: 0x11112222, ...more });
  assert.equal(run([0xb8, 0x34, 0x12]).eax, 0x11111234); // mov ax, imm16
  assert.equal(run([0x66, 0xb8, 1, 2, 3, 4]).eax, 0x04030201);
  assert.equal(run([0x40]).eax, 0x11112223);
  assert.equal(run([0x98], { eax: 0x111122ff }).eax, 0x1111ffff); // cbw
  assert.equal(run([0x66, 0x98], { eax: 0x1111ffff }).eax, 0xffffffff); // cwde
  // lea ax, [bx+si]; lea eax, [eax+eax] by 66 67
  assert.equal(run([0x8d, 0x00], { ebx: 0x1fff0, esi: 0x20020 }).eax, 0x11110010);
  assert.equal(run([0x66, 0x67, 0x8d, 0x04, 0x00]).eax, 0x22224444);
  // push imm16, imm8, imm32 by 66
  const pushed = (code: number[]) => {
    const r = run(code, { segments: { ...code16(), ...stack16() }, esp: 0x99990100 });
    return (0x99990100 - r.esp) | 0;
  };
  assert.deepEqual(
    [[0x68, 1, 2], [0x6a, 1], [0x66, 0x68, 1, 2, 3, 4], [0x66, 0x6a, 1]].map(pushed),
    [
      2,
      2,
      4,
      4,
    ],
  );
});

Deno.test("near transfers with a 16-bit operand cut EIP and push two bytes", () => {
  const segments = { [CS]: { selector: 0xe02b, attributes: ring3(CODE32), base: va(CODE_PAGE) } };
  bench.put(va(CODE_PAGE, 0x800), [0xeb, 0xfe]);
  for (
    const [name, code] of [
      ["jmp rel16", [0x66, 0xe9, 0xfc, 0x07]], // 4 + 0x7fc
      ["jmp bx", [0x66, 0xff, 0xe3]],
      ["jz rel16", [0x66, 0x0f, 0x84, 0xfb, 0x07]],
    ] as const
  ) {
    const r = bench.run({
      ring: 3,
      code: [...code],
      eip: 0,
      segments,
      ebx: 0x12340800,
      eflags: 0x40,
    });
    assert.deepEqual([r.vector, r.eip], [null, 0x800], name);
  }
  const esp = va(FREE, 0x100);
  const call = bench.run({
    ring: 3,
    code: [0x66, 0xff, 0xd3],
    eip: 0,
    segments,
    ebx: 0xffff0800,
    esp,
  });
  assert.deepEqual([call.eip, call.esp, word(esp - 2)], [0x800, esp - 2, 3]);
  bench.put(esp, [0, 8, 0xaa, 0xaa]);
  const ret = bench.run({ ring: 3, code: [0x66, 0xc3], eip: 0, segments, esp });
  assert.deepEqual([ret.eip, ret.esp], [0x800, esp + 2]);
  const retN = bench.run({ ring: 3, code: [0x66, 0xc2, 6, 0], eip: 0, segments, esp });
  assert.deepEqual([retN.eip, retN.esp], [0x800, esp + 8]);
});

Deno.test("the sum of EIP and a 16-bit displacement wraps at 64 KiB", () => {
  // the segment's base puts offset 0xFFF0 on the code page and offset 0x10 sixty-four KiB below
  const at = va(FREE + 16, 0xff0);
  const low = at - 0xfff0;
  bench.put(low + 0x10, [0xeb, 0xfe]);
  const segments = {
    [CS]: { selector: 0xe02b, attributes: ring3(CODE16), base: low, limit: 0xffff },
  };
  const r = bench.run({ ring: 3, at, eip: 0xfff0, code: [0xeb, 0x1e], segments, bare: true });
  assert.deepEqual([r.vector, r.eip], [null, 0x10]);
});

Deno.test("a near target beyond the limit: #GP(0) in the jump, with nothing changed", () => {
  const limit = 0x3ff;
  const esp = va(FREE, 0x100);
  bench.put(esp, [0, 4, 0, 0]);
  bench.put(va(FREE, 0x200), [0, 4, 0, 0]);
  const cases: [string, number[]][] = [
    ["jmp rel8", [0xeb, 0x7e]],
    ["jmp rel32", [0xe9, 0xfb, 3, 0, 0]],
    ["jmp ebx", [0xff, 0xe3]],
    ["jmp [edi]", [0xff, 0x27]],
    ["call rel32", [0xe8, 0xfb, 3, 0, 0]],
    ["call ebx", [0xff, 0xd3]],
    ["call [edi]", [0xff, 0x17]],
    ["ret", [0xc3]],
    ["ret 4", [0xc2, 4, 0]],
    ["jz rel8", [0x74, 0x7e]],
    ["jz rel32", [0x0f, 0x84, 0xfa, 3, 0, 0]],
    ["loop", [0xe2, 0x7e]],
    ["loope", [0xe1, 0x7e]],
    ["jecxz", [0xe3, 0x7e]],
  ];
  for (const [name, code] of cases) {
    const short = /rel8|loop|jecxz/.test(name);
    const last = short ? 0x7f : limit;
    const segments = {
      [CS]: { selector: 0xe02b, attributes: ring3(CODE32), base: va(CODE_PAGE), limit: last },
    };
    const r = bench.run({
      ring: 3,
      code,
      eip: 0,
      segments,
      esp,
      ebx: 0x400,
      edi: va(FREE, 0x200),
      ecx: name === "jecxz" ? 0 : 5,
      eflags: 0x40,
    });
    assert.deepEqual([r.vector, r.error, r.eip], [GP, 0, 0], name);
    assert.deepEqual([r.esp, r.ecx], [esp, name === "jecxz" ? 0 : 5], name);
  }
  // not taken: nothing to fault about
  const segments = {
    [CS]: { selector: 0xe02b, attributes: ring3(CODE32), base: va(CODE_PAGE), limit: 0x7f },
  };
  assert.equal(bench.run({ ring: 3, code: [0x74, 0x7e], eip: 0, segments }).vector, null);
});

Deno.test("an instruction that ends beyond the limit: #GP(0) at that instruction", () => {
  for (const [limit, vector] of [[4, GP], [5, GP], [6, null]] as const) {
    const r = bench.run({
      ring: 3,
      code: [0xb8, 1, 0, 0, 0], // and the jump to itself behind it
      eip: 0,
      segments: {
        [CS]: { selector: 0xe02b, attributes: ring3(CODE32), base: va(CODE_PAGE), limit },
      },
    });
    assert.equal(r.vector, vector, `limit ${limit}`);
    if (vector) assert.deepEqual([r.eip, r.error, r.eax], [5, 0, 1]);
  }
  const first = bench.run({
    ring: 3,
    code: [0xb8, 1, 0, 0, 0],
    eip: 0,
    eax: 7,
    segments: {
      [CS]: { selector: 0xe02b, attributes: ring3(CODE32), base: va(CODE_PAGE), limit: 3 },
    },
  });
  assert.deepEqual([first.vector, first.eip, first.eax], [GP, 0, 7]);
});

Deno.test("a 16-bit stack wraps at 64 KiB and leaves ESP's upper half alone", () => {
  const high = 0xabcd0000;
  const run = (code: number[], sp: number, more = {}) =>
    bench.run({ ring: 3, code, esp: high + sp, ebp: 0x77770400, segments: stack16(), ...more });
  const top = base + 0x10000;
  let r = run([0x50], 0, { eax: 0x01020304 }); // push eax at SP = 0
  assert.deepEqual([r.vector, r.esp, dword(top - 4)], [null, high + 0xfffc, 0x01020304]);
  r = run([0x58], 0xfffc); // pop eax up to the end
  assert.deepEqual([r.vector, r.esp, r.eax], [null, high, 0x01020304]);
  r = run([0x66, 0x50], 0, { eax: 0x1234 });
  assert.deepEqual([r.esp, word(top - 2)], [high + 0xfffe, 0x1234]);
  // a word over the end is refused: it does not wrap by itself
  assert.deepEqual([run([0x50], 2).vector, run([0x50], 2).error], [SS_FAULT, 0]);
  assert.equal(run([0x58], 0xfffe).vector, SS_FAULT);

  // several words: each wraps for itself
  r = run([0x60], 8); // pusha
  assert.deepEqual([r.vector, r.esp], [null, high + 0xffe8]);
  assert.deepEqual([dword(base + 4), dword(top - 24)], [0x01010101, 0x08080808]);
  r = run([0x61], 0xffe8, { eax: 0, edi: 0 }); // popa
  assert.deepEqual([r.vector, r.esp, r.eax, r.edi], [null, high + 8, 0x01010101, 0x08080808]);
  r = run([0xe8, 0, 0, 0, 0], 0); // call
  assert.deepEqual([r.esp, dword(top - 4)], [high + 0xfffc, va(CODE_PAGE, 5)]);

  // ENTER and LEAVE: the frame is SP, EBP's upper half is ESP's
  r = run([0xc8, 8, 0, 0], 2, { segments: stack16() });
  assert.equal(r.vector, SS_FAULT);
  r = run([0xc8, 8, 0, 0], 0);
  assert.deepEqual([r.vector, r.esp, r.ebp], [null, high + 0xfff4, high + 0xfffc]);
  assert.equal(dword(top - 4), 0x77770400);
  r = run([0x66, 0xc8, 8, 0, 0], 0); // 16-bit operands: BP alone
  assert.deepEqual([r.esp, r.ebp], [high + 0xfff6, 0x7777fffe]);
  bench.put(base + 0x3fc, [1, 0, 0, 0, 2, 0, 0, 0]);
  r = run([0xc8, 0, 0, 2], 0x800); // a display of two
  assert.deepEqual([r.esp, r.ebp], [high + 0x7f4, high + 0x7fc]);
  assert.deepEqual([dword(base + 0x7f8), dword(base + 0x7f4)], [1, high + 0x7fc]);
  bench.put(base + 0x400, [0x11, 0x22, 0x33, 0x44]);
  r = run([0xc9], 0x10);
  assert.deepEqual([r.esp, r.ebp], [high + 0x404, 0x44332211]);
});

Deno.test("RET and far RET drop their parameters from SP alone", () => {
  const high = 0x12340000;
  bench.put(base + 0xfffc, [...[0, 1, 2, 3].map((n) => va(CODE_PAGE, 0x20) >>> (8 * n) & 255)]);
  bench.put(va(CODE_PAGE, 0x20), [0xeb, 0xfe]);
  const r = bench.run({ ring: 3, code: [0xc2, 8, 0], esp: high + 0xfffc, segments: stack16() });
  assert.deepEqual([r.vector, r.eip, r.esp], [null, va(CODE_PAGE, 0x20), high + 8]);
});

Deno.test("code at the very end of 64 KiB runs into #GP at offset 0x10000", () => {
  const at = va(FREE + 16, PAGE - 1);
  const segments = {
    [CS]: { selector: 0xe02b, attributes: ring3(CODE16), base: at - 0xffff, limit: 0xffff },
  };
  const r = bench.run({ ring: 3, at, eip: 0xffff, code: [0x90], segments, bare: true });
  assert.deepEqual([r.vector, r.error, r.eip], [GP, 0, 0x10000]);
});

Deno.test("the instruction-length limit: fifteen bytes run, sixteen are #GP(0)", () => {
  for (const prefix of [0x66, 0x67, 0x2e, 0x3e, 0xf3, 0xf2]) {
    for (const [count, vector] of [[14, null], [15, GP], [20, GP]] as const) {
      const r = bench.run({ code: [...new Array(count).fill(prefix), 0x90] });
      assert.deepEqual([r.vector, r.error], [vector, vector && 0], `${count} times ${prefix}`);
      if (vector) assert.equal(r.eip, va(CODE_PAGE));
    }
  }
  // across the limit by its immediate, and across a page that is not there
  const long = [...new Array(9).fill(0x2e), 0x81, 0x05, 0, 0, 0, 0, 1, 0, 0, 0];
  assert.equal(bench.run({ code: long }).vector, GP);
  bench.protect(FREE + 40, 0);
  const edge = bench.run({
    code: new Array(15).fill(0x66),
    at: va(FREE + 40) - 15,
    bare: true,
  });
  assert.deepEqual([edge.vector, edge.error], [GP, 0]);
  const short = bench.run({ code: new Array(14).fill(0x66), at: va(FREE + 40) - 14, bare: true });
  assert.deepEqual([short.vector, short.cr2], [14, va(FREE + 40)]);
  bench.protect(FREE + 40, 7);
});
