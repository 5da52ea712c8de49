/**
 * TF, RF and the debug registers, and MOV SS's shadow. Intel SDM volume 3, chapter 18 (debug exceptions
 * and their conditions) and 6.8.3 (masking after MOV SS); pv-abi: DR6 and DR7 by hypercall.
 */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, FREE, KDS, va } from "./bench.ts";

const bench = await Bench.create();
const DB = 1, TF = 0x100, RF = 0x10000;
const BS = 0x4000;
const DATA = va(FREE, 0x100);
/** DR7: enables breakpoint n for a kind (0 execute, 1 write, 3 access) and a length (bytes). */
const dr7 = (n: number, kind: number, length: number) =>
  0x400 | 1 << (n * 2) | (kind | [0, 0, 1, 0, 3, 0, 0, 0, 2][length] << 2) << (16 + n * 4);
const bytes = (v: number, n: number) => Array.from({ length: n }, (_, i) => v >>> (8 * i) & 255);
const hits = (dr6: number) => dr6 & 15;

Deno.test("TF: a trap after the instruction, without RF, DR6.BS set; the handler runs without TF [trap.#DB]", () => {
  for (const [code, eip] of [[[0x90], 1], [[0xb8, 1, 0, 0, 0], 5], [[0xeb, 0x10], 0x12]] as const) {
    const r = bench.run({ ring: 3, code: [...code], eflags: TF });
    assert.deepEqual([r.vector, r.eip], [DB, va(CODE_PAGE, eip)]);
    assert.equal(r.eflags & (TF | RF), TF);
    assert.equal(r.dr6 & BS, BS);
  }
});

Deno.test("POPF that sets TF: the trap comes after the instruction behind it", () => {
  const stack = va(FREE, 0x80);
  bench.put(stack, [0x02, 0x03, 0, 0]);
  const r = bench.run({ ring: 3, code: [0x9d, 0x40], esp: stack, eax: 5 });
  assert.deepEqual([r.vector, r.eip, r.eax], [DB, va(CODE_PAGE, 2), 6]);
  // and one that clears it is still stepped itself
  bench.put(stack, [0x02, 0x02, 0, 0]);
  const c = bench.run({ ring: 3, code: [0x9d, 0x40], esp: stack, eax: 5, eflags: TF });
  assert.deepEqual([c.vector, c.eip, c.eax], [DB, va(CODE_PAGE, 1), 5]);
});

Deno.test("IRET that sets RF under TF: the trap's frame shows it", () => {
  const stack = va(FREE, 0x80);
  const UCS = 0xe02b;
  const frame = [va(CODE_PAGE, 8), UCS, RF | 0x202];
  bench.put(stack, frame.flatMap((w) => bytes(w, 4)));
  const r = bench.run({ ring: 3, code: [0xcf], esp: stack, eflags: TF });
  assert.deepEqual([r.vector, r.eip, r.eflags & (TF | RF)], [DB, va(CODE_PAGE, 8), RF]);
});

Deno.test("a fault under TF is the fault alone: no trap, and RF in its frame", () => {
  const r = bench.run({ ring: 3, code: [0x0f, 0x0b], eflags: TF });
  assert.deepEqual([r.vector, r.eip, r.eflags & (TF | RF)], [6, va(CODE_PAGE), TF | RF]);
});

Deno.test("MOV SS and POP SS hold the trap back for one instruction", () => {
  const r = bench.run({ code: [0x8e, 0xd0, 0x40, 0x41], eax: KDS, ecx: 5, eflags: TF });
  assert.deepEqual([r.vector, r.eip, r.eax, r.ecx], [DB, va(CODE_PAGE, 3), KDS + 1, 5]);
  const stack = va(FREE, 0x80);
  bench.put(stack, [KDS & 255, KDS >> 8, 0, 0]);
  const p = bench.run({ code: [0x17, 0x40], esp: stack, eax: 5, eflags: TF });
  assert.deepEqual([p.vector, p.eip, p.eax], [DB, va(CODE_PAGE, 2), 6]);
  // LSS holds nothing back
  bench.put(stack, [5, 0, 0, 0, KDS & 255, KDS >> 8]);
  const l = bench.run({ code: [0x0f, 0xb2, 0x01, 0x40], ecx: stack, eflags: TF });
  assert.deepEqual([l.vector, l.eip, l.eax], [DB, va(CODE_PAGE, 3), 5]);
  // other segment registers hold nothing back
  const d = bench.run({ code: [0x8e, 0xd8, 0x40], eax: KDS, eflags: TF });
  assert.deepEqual([d.vector, d.eip], [DB, va(CODE_PAGE, 2)]);
});

Deno.test("execution breakpoints: a fault before the instruction, with RF; RF lets it pass once [trap.#DB]", () => {
  for (const n of [0, 1, 2, 3]) {
    const debug = { [n]: va(CODE_PAGE, 1), 7: dr7(n, 0, 1) };
    const r = bench.run({ ring: 3, code: [0x90, 0x40, 0x41], eax: 1, debug });
    assert.deepEqual([r.vector, r.eip, r.eax, hits(r.dr6)], [DB, va(CODE_PAGE, 1), 1, 1 << n]);
    assert.equal(r.dr6 & BS, 0);
    // a fault, so the frame would show RF; Xen clears it for #DB
    const again = bench.run({
      ring: 3,
      code: [0x40, 0x41],
      at: va(CODE_PAGE, 1),
      eax: 1,
      debug,
      eflags: RF,
    });
    assert.deepEqual([again.vector, again.eax], [null, 2]);
  }
  // a breakpoint inside an instruction is none
  const inside = bench.run({
    ring: 3,
    code: [0xb8, 1, 0, 0, 0],
    debug: { 0: va(CODE_PAGE, 1), 7: dr7(0, 0, 1) },
  });
  assert.equal(inside.vector, null);
});

Deno.test("an execution breakpoint together with TF: both are said, the fault first", () => {
  const debug = { 0: va(CODE_PAGE, 1), 7: dr7(0, 0, 1) };
  const r = bench.run({ ring: 3, code: [0x90, 0x40], eflags: TF, debug, eax: 1 });
  assert.deepEqual([r.vector, r.eip, r.dr6 & BS], [DB, va(CODE_PAGE, 1), BS]);
});

Deno.test("data breakpoints: a trap after the access, for every overlap and no other", () => {
  const read = [0x8b, 0x03], write = [0x89, 0x03], modify = [0x01, 0x03], byte = [0x88, 0x03];
  const cases: [string, number[], number, number, number, number, boolean][] = [
    // name, code, address accessed, breakpoint's address, kind, length, hit
    ["read, access", read, DATA, DATA, 3, 4, true],
    ["read, write only", read, DATA, DATA, 1, 4, false],
    ["write, write", write, DATA, DATA, 1, 4, true],
    ["read-modify-write, write", modify, DATA, DATA, 1, 4, true],
    ["byte below", byte, DATA - 1, DATA, 1, 1, false],
    ["byte above", byte, DATA + 1, DATA, 1, 1, false],
    ["byte in four", byte, DATA + 3, DATA, 1, 4, true],
    ["dword over a byte", write, DATA - 3, DATA, 1, 1, true],
    ["dword just below", write, DATA - 4, DATA, 1, 1, false],
    ["dword over two", write, DATA + 1, DATA, 1, 2, true],
    ["eight bytes' last", byte, DATA + 7, DATA, 1, 8, true],
    ["behind eight bytes", byte, DATA + 8, DATA, 1, 8, false],
  ];
  for (const [name, code, at, address, kind, length, hit] of cases) {
    for (const n of [0, 3]) {
      const r = bench.run({
        ring: 3,
        code,
        ebx: at,
        debug: { [n]: address, 7: dr7(n, kind, length) },
      });
      assert.equal(r.vector, hit ? DB : null, name);
      if (!hit) continue;
      assert.deepEqual([r.eip, hits(r.dr6)], [va(CODE_PAGE, code.length), 1 << n], name);
      assert.equal(r.eflags & RF, 0, name);
    }
  }
});

Deno.test("a data breakpoint in the midst of a string instruction stops it behind that element", () => {
  const r = bench.run({
    ring: 3,
    code: [0xf3, 0xaa],
    ecx: 8,
    edi: DATA - 3,
    debug: { 0: DATA, 7: dr7(0, 1, 1) },
  });
  assert.deepEqual([r.vector, r.ecx, r.edi], [DB, 4, DATA + 1]);
  assert.equal(r.eip, va(CODE_PAGE));
});

Deno.test("every word that an instruction pushes, pops or stores as a block counts", () => {
  const sp = DATA + 0x20;
  const cases: [string, number[], number, number][] = [
    // name, code, breakpoint's address, kind
    ["push", [0x50], sp - 4, 1],
    ["pusha", [0x60], sp - 20, 1],
    ["popa", [0x61], sp + 12, 3],
    ["enter", [0xc8, 0, 0, 0], sp - 4, 1],
    ["pop", [0x58], sp, 3],
    ["ret", [0xc3], sp, 3],
    ["far call", [0x9a, ...bytes(va(CODE_PAGE, 0x100), 4), 0x2b, 0xe0], sp - 8, 1],
    ["fnsave", [0xdd, 0x33], DATA + 100, 1],
    ["fld", [0xdd, 0x03], DATA + 4, 3],
    ["movups", [0x0f, 0x11, 0x03], DATA + 12, 1],
  ];
  for (const [name, code, address, kind] of cases) {
    bench.put(sp, bytes(va(CODE_PAGE, 0x100), 4));
    const debug = { 2: address, 7: dr7(2, kind, 4) };
    const r = bench.run({ ring: 3, code, esp: sp, ebx: DATA, debug });
    assert.deepEqual([r.vector, hits(r.dr6)], [DB, 4], name);
  }
});

Deno.test("an access that faults triggers no data breakpoint", () => {
  bench.protect(FREE + 1, 0);
  const r = bench.run({
    ring: 3,
    code: [0x89, 0x03],
    ebx: va(FREE + 1) - 2,
    debug: { 0: va(FREE + 1) - 2, 7: dr7(0, 1, 2) },
  });
  assert.deepEqual([r.vector, hits(r.dr6)], [14, 0]);
  bench.protect(FREE + 1, 7);
});

Deno.test("breakpoints that are not enabled do nothing", () => {
  const debug = { 0: va(CODE_PAGE), 1: DATA, 7: 0x400 | 1 << 20 };
  const r = bench.run({ ring: 3, code: [0x89, 0x03], ebx: DATA, debug });
  assert.equal(r.vector, null);
  // nor do they beside one that is
  const other = { ...debug, 2: va(FREE, 0x200), 7: dr7(2, 1, 4) | 1 << 20 };
  assert.equal(bench.run({ ring: 3, code: [0x89, 0x03], ebx: DATA, debug: other }).vector, null);
});

Deno.test("an execution breakpoint on what is read and written as data does nothing", () => {
  const debug = { 1: DATA, 7: dr7(1, 0, 1) };
  for (const code of [[0x89, 0x03], [0x8b, 0x03]]) {
    assert.equal(bench.run({ ring: 3, code, ebx: DATA, debug }).vector, null);
  }
});
