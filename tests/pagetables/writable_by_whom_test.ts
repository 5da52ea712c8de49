/**
 * Which instructions' stores into a page table are carried out (vm_assist 2), form by form: all that are
 * integers of up to eight aligned bytes. What Xen's emulator has no registers for there, the FPU's, the
 * vectors' and selectors, faults. (xen/arch/x86/pv/ro-page-fault.c: ptwr_emulate_ops has no get_fpu and
 * no read_segment.)
 */
import assert from "node:assert/strict";
import { Bench, type Setup, va } from "../cpu/bench.ts";

const bench = await Bench.create();
bench.guest.enter();
assert.equal(bench.guest.call(21, 0, 2), 0);
bench.guest.rig.inside.slice_end();

/** An entry of the level-1 table that is not in use: page 2 of the guest is that table. */
const AT = va(2, 8 * 300);
const word = (n: number) => [n & 255, n >> 8 & 255, n >> 16 & 255, n >>> 24];
/** ModRM and address of a memory operand at AT. */
const m = (reg: number, at = AT) => [reg << 3 | 5, ...word(at)];

const EMULATED: Record<string, [number[], Partial<Setup>?]> = {
  "mov m8": [[0x88, ...m(0)]],
  "mov m16": [[0x66, 0x89, ...m(0)]],
  "mov m32": [[0x89, ...m(0)]],
  "mov moffs": [[0xa3, ...word(AT)]],
  "mov imm": [[0xc7, ...m(0), 0xf0, 0xf0, 0, 0]],
  movnti: [[0x0f, 0xc3, ...m(0)]],
  add: [[0x01, ...m(0)]],
  "lock or": [[0xf0, 0x09, ...m(0)]],
  not: [[0xf6, ...m(2, AT + 1)]],
  neg: [[0xc7, ...m(0), 2, 0, 0, 0, 0xf7, ...m(3)]],
  inc: [[0xff, ...m(0, AT + 4)]],
  shl: [[0xc7, ...m(0), 2, 0, 0, 0, 0xd1, ...m(4)]],
  shld: [[0x0f, 0xa4, ...m(0, AT + 4), 4]],
  bts: [[0x0f, 0xba, ...m(5), 6]],
  "bts by register": [[0x0f, 0xab, ...m(1)], { ecx: 5 }],
  "lock btc": [[0xf0, 0x0f, 0xba, ...m(7), 9]],
  sete: [[0x0f, 0x94, ...m(0, AT + 1)], { eflags: 0x40 }],
  xchg: [[0x87, ...m(0)]],
  xadd: [[0x0f, 0xc1, ...m(0)]],
  cmpxchg: [[0x0f, 0xb1, ...m(1)], { eax: 0, ecx: 0x6000 }],
  cmpxchg8b: [[0x0f, 0xc7, ...m(1)], { eax: 0, edx: 0, ebx: 0x6000, ecx: 0 }],
  "pop m": [[0x8f, ...m(0)], { esp: va(20) }],
  stos: [[0xab], { edi: AT }],
  movs: [[0xa5], { edi: AT }],
  "rep stos of two entries": [[0xf3, 0xab], { edi: AT, ecx: 4 }],
  push: [[0x50], { esp: AT + 4 }],
  "push imm": [[0x6a, 2], { esp: AT + 4 }],
  "push m": [[0xff, 0x35, ...word(va(20))], { esp: AT + 4 }],
  pushf: [[0x9c], { esp: AT + 4, eflags: 0x40 }],
  pusha: [[0x60], { esp: AT + 32 }],
  enter: [[0xc8, 0, 0, 0], { esp: AT + 4, ebp: 0x2000 }],
  arpl: [[0x63, ...m(0, AT + 4)], { eax: 3 }],
};

// A selector pushed there is refused as well; the fault then finds no stack and ends the domain.
const REFUSED: Record<string, [number[], Partial<Setup>?]> = {
  "fst m32": [[0xd9, ...m(2)]],
  "fstp m64": [[0xdd, ...m(3)]],
  "fstp m80": [[0xdb, ...m(7)]],
  "fist m16": [[0xdf, ...m(2)]],
  "fist m32": [[0xdb, ...m(2)]],
  "fistp m64": [[0xdf, ...m(7)]],
  "fisttp m32": [[0xdb, ...m(1)]],
  fbstp: [[0xdf, ...m(6)]],
  fnstcw: [[0xd9, ...m(7)]],
  fnstsw: [[0xdd, ...m(7)]],
  fnstenv: [[0xd9, ...m(6)]],
  fnsave: [[0xdd, ...m(6)]],
  fxsave: [[0x0f, 0xae, ...m(0, AT & ~15)]],
  stmxcsr: [[0x0f, 0xae, ...m(3)]],
  "movd from mmx": [[0x0f, 0x7e, ...m(0)]],
  "movq from mmx": [[0x0f, 0x7f, ...m(0)]],
  movntq: [[0x0f, 0xe7, ...m(0)]],
  maskmovq: [[0x0f, 0xf7, 0xc1], { edi: AT }],
  movss: [[0xf3, 0x0f, 0x11, ...m(0)]],
  movsd: [[0xf2, 0x0f, 0x11, ...m(0)]],
  movlps: [[0x0f, 0x13, ...m(0)]],
  movhps: [[0x0f, 0x17, ...m(0)]],
  "movd from xmm": [[0x66, 0x0f, 0x7e, ...m(0)]],
  "movq from xmm": [[0x66, 0x0f, 0xd6, ...m(0)]],
  movaps: [[0x0f, 0x29, ...m(0, AT & ~15)]],
  movdqu: [[0xf3, 0x0f, 0x7f, ...m(0)]],
  movntps: [[0x0f, 0x2b, ...m(0, AT & ~15)]],
  "mov m, ds": [[0x8c, ...m(3)]],
  sldt: [[0x0f, 0x00, ...m(0)]],
  str: [[0x0f, 0x00, ...m(1)]],
  smsw: [[0x0f, 0x01, ...m(4)]],
  sgdt: [[0x0f, 0x01, ...m(0)]],
  "not aligned": [[0x89, ...m(0, AT + 2)]],
  "over the end of an entry's half": [[0x66, 0x89, ...m(0, AT + 3)]],
  "a value that is no entry": [[0x89, ...m(0)], { eax: 0xfffff001 }],
};

/** The unused entries around AT. */
const around = () => bench.get(AT - 16, 64);
const clear = () => {
  for (let at = AT - 16; at < AT + 48; at += 8) {
    const entry = bench.guest.mfns[2] * 4096 + (at - va(2));
    const list = bench.guest.write(va(9), entry, 0, 0, 0);
    bench.guest.enter();
    assert.equal(bench.guest.call(1, list, 1, 0, 0x7ff0), 0);
    bench.guest.rig.inside.slice_end();
  }
};

function run([code, setup]: [number[], Partial<Setup>?]) {
  clear();
  bench.guest.write(va(20), 0x6000);
  // values without P, so that no frame is named
  const r = bench.run({ code, eax: 0x12345670, esi: va(20), esp: va(21), ...setup });
  return { vector: r.vector, error: r.error, cr2: r.cr2 };
}

for (const [name, form] of Object.entries(EMULATED)) {
  Deno.test(`into a page table, carried out: ${name} [ptwr.forms]`, () => {
    assert.deepEqual(run(form).vector, null);
    assert.ok(around().some((b) => b !== 0), "nothing was stored");
  });
}

for (const [name, form] of Object.entries(REFUSED)) {
  Deno.test(`into a page table, #PF: ${name} [ptwr.forms]`, () => {
    const { vector, error, cr2 } = run(form);
    assert.deepEqual({ vector, error }, { vector: 14, error: 3 });
    assert.ok(cr2 >= (AT & ~15) >>> 0 && cr2 < AT + 8, cr2.toString(16));
    assert.ok(around().every((b) => b === 0), "something was stored");
  });
}
