/**
 * Segments of every kind from the guest's own GDT, loaded and used by instructions: limits by byte and by
 * page, both directions, 16-bit code, absent and privileged ones, and the system descriptors that may
 * stand there but not be used (task gates among them: there are no tasks in long mode). Intel SDM
 * volume 3, 3.4.5, 5.5 to 5.8; volume 2, MOV, JMP, LAR and LSL.
 */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, FREE, va } from "./bench.ts";

const bench = await Bench.create();
const NP = 11, SS_FAULT = 12, GP = 13;
const SET_GDT = 2, GDT_PAGE = 12;
const base = va(FREE);

/** Present, a code or data segment, DPL 3; then type, D or B, and G. */
const SEGMENT = 0xf000, W = 0x200, DOWN = 0x400, CODE = 0x800, CONFORMING = 0x400, BIG = 0x400000;
const PAGES = 0x800000, ABSENT = 0x8000, RING1 = 0x4000;
const KINDS = {
  bytes: [0xff, SEGMENT | W | BIG],
  pages: [0, SEGMENT | W | BIG | PAGES],
  down: [0xff, SEGMENT | W | DOWN],
  downPages: [0, SEGMENT | W | DOWN | PAGES],
  readOnly: [0xff, SEGMENT | BIG],
  code: [0xfff, SEGMENT | CODE | W | BIG],
  executeOnly: [0xfff, SEGMENT | CODE | BIG],
  code16: [0xfff, SEGMENT | CODE | W],
  conforming: [0xfff, SEGMENT & ~RING1 | CODE | CONFORMING | W | BIG],
  kernelCode: [0xfff, SEGMENT & ~RING1 | CODE | W | BIG],
  kernelData: [0xff, SEGMENT & ~RING1 | W | BIG],
  absent: [0xff, SEGMENT & ~ABSENT | W | BIG],
  absentCode: [0xff, SEGMENT & ~ABSENT | CODE | W | BIG],
  ldt: [0xff, 0x6200],
  tss: [0xff, 0x6900],
  busyTss: [0xff, 0x6b00],
  taskGate: [0xff, 0x6500],
  interruptGate: [0xff, 0x6e00],
  trapGate: [0xff, 0x6f00],
} as const;
type Kind = keyof typeof KINDS;
const names = Object.keys(KINDS) as Kind[];
const selector = (kind: Kind) => (names.indexOf(kind) + 1) * 8 | 3;
const entry = (kind: Kind) => va(GDT_PAGE, selector(kind) & ~7);

names.forEach((kind) => {
  const [limit, attributes] = KINDS[kind];
  bench.guest.write(
    entry(kind),
    (base & 0xffff) << 16 | limit,
    base & 0xff000000 | base >>> 16 & 0xff | attributes,
  );
});
bench.protect(GDT_PAGE, 0x25);
bench.guest.enter();
const frames = bench.guest.write(va(9), bench.guest.mfns[GDT_PAGE]);
assert.equal(bench.guest.call(SET_GDT, frames, 512), 0);
bench.guest.rig.inside.slice_end();

/** mov ds, eax; then a byte read at EBX, or written. */
function use(kind: Kind, offset: number, write = false) {
  const code = [0x8e, 0xd8, write ? 0x88 : 0x8a, 0x0b];
  return bench.run({ ring: 3, code, eax: selector(kind), ebx: offset });
}

Deno.test("limits count bytes or pages, from either end", () => {
  const cases: [Kind, number, boolean][] = [
    ["bytes", 0, true],
    ["bytes", 0xff, true],
    ["bytes", 0x100, false],
    ["pages", 0xfff, true],
    ["pages", 0x1000, false],
    ["down", 0xff, false],
    ["down", 0x100, true],
    ["down", 0xffff, true],
    ["down", 0x10000, false],
    ["downPages", 0xfff, false],
    ["downPages", 0x1000, true],
    ["code", 0xfff, true],
    ["code", 0x1000, false],
  ];
  for (const [kind, offset, ok] of cases) {
    const r = use(kind, offset);
    const expected = ok ? [null, null] : [GP, 0];
    assert.deepEqual([r.vector, r.error], expected, `${kind} at ${offset.toString(16)}`);
    if (!ok) assert.equal(r.eip, va(CODE_PAGE, 2));
  }
});

Deno.test("what is read-only is not written, by whatever kind of segment", () => {
  for (const kind of ["readOnly", "code", "conforming"] as const) {
    assert.equal(use(kind, 0).vector, null, kind);
    const r = use(kind, 0, true);
    assert.deepEqual([r.vector, r.error, r.eip], [GP, 0, va(CODE_PAGE, 2)], kind);
  }
});

Deno.test("which segments DS and SS may hold", () => {
  const cases: [Kind, number | null, number][] = [
    // kind, DS, SS: null, or the vector, with the selector as error code
    ["bytes", null, 0],
    ["readOnly", null, GP],
    ["code", null, GP],
    ["executeOnly", GP, GP],
    ["conforming", null, GP],
    ["kernelCode", GP, GP],
    ["kernelData", GP, GP],
    ["absent", NP, SS_FAULT],
    ["absentCode", NP, GP],
    ...(["ldt", "tss", "busyTss", "taskGate", "interruptGate", "trapGate"] as const).map((k) =>
      [k, GP, GP] as [Kind, number, number]
    ),
  ];
  for (const [kind, ds, ss] of cases) {
    const error = selector(kind) & ~7;
    const run = (code: number[]) => bench.run({ ring: 3, code, eax: selector(kind) });
    const d = run([0x8e, 0xd8]);
    assert.deepEqual([d.vector, d.error], [ds, ds && error], `DS ${kind}`);
    const s = run([0x8e, 0xd0]);
    assert.deepEqual([s.vector, s.error], [ss || null, ss ? error : null], `SS ${kind}`);
  }
});

Deno.test("a load sets the descriptor's accessed bit, a refused one does not", () => {
  const accessed = (kind: Kind) => bench.guest.read(entry(kind) + 4) >>> 8 & 1;
  assert.equal(accessed("kernelData"), 0);
  assert.equal(accessed("absent"), 0);
  assert.deepEqual([accessed("bytes"), accessed("readOnly")], [1, 1]);
});

Deno.test("far jumps: code alone, of this ring or conforming, and no task is ever switched", () => {
  bench.put(base + 0x40, [0xeb, 0xfe]);
  const jump = (kind: Kind, opcode = 0xea) => {
    const s = selector(kind);
    return bench.run({ ring: 3, code: [opcode, 0x40, 0, 0, 0, s & 255, s >> 8] });
  };
  for (const kind of ["code", "executeOnly", "conforming"] as const) {
    for (const opcode of [0xea, 0x9a]) {
      const r = jump(kind, opcode);
      assert.deepEqual([r.vector, r.eip, r.cs & 3], [null, 0x40, 3], kind);
    }
  }
  const bad: [Kind, number][] = [
    ["bytes", GP],
    ["kernelCode", GP],
    ["absentCode", NP],
    ["ldt", GP],
    ["tss", GP],
    ["busyTss", GP],
    ["taskGate", GP],
    ["interruptGate", GP],
    ["trapGate", GP],
  ];
  for (const [kind, vector] of bad) {
    for (const opcode of [0xea, 0x9a]) {
      const r = jump(kind, opcode);
      assert.deepEqual([r.vector, r.error], [vector, selector(kind) & ~7], kind);
      assert.equal(r.eip, va(CODE_PAGE), kind);
    }
  }
  // beyond the limit: #GP(0)
  const s = selector("code");
  const r = bench.run({ ring: 3, code: [0xea, 0, 0x10, 0, 0, s & 255, s >> 8] });
  assert.deepEqual([r.vector, r.error, r.eip], [GP, 0, va(CODE_PAGE)]);
});

Deno.test("16-bit code runs as such once CS names it", () => {
  bench.put(base + 0x80, [0xb8, 0x34, 0x12, 0xeb, 0xfe]); // mov ax, 0x1234
  const s = selector("code16");
  const r = bench.run({
    ring: 3,
    code: [0xea, 0x80, 0, 0, 0, s & 255, s >> 8],
    eax: 0x77777777,
  });
  assert.deepEqual([r.vector, r.eip, r.eax], [null, 0x83, 0x77771234]);
});

Deno.test("LAR and LSL tell what may be told to ring 3", () => {
  const visible: [Kind, number, number | null][] = [
    // kind, access rights, limit
    ["bytes", 0x40f200, 0xff],
    ["pages", 0xc0f200, 0xfff],
    ["absent", 0x407200, 0xff],
    ["conforming", 0x40be00, 0xfff],
    ["ldt", 0x6200, 0xff],
    ["tss", 0x6900, 0xff],
    ["busyTss", 0x6b00, 0xff],
  ];
  const accessed = 0x100;
  for (const [kind, rights, limit] of visible) {
    const ask = (opcode: number) =>
      bench.run({ ring: 3, code: [0x0f, opcode, 0xc8], eax: selector(kind), ecx: 0x55 });
    const lar = ask(2), lsl = ask(3);
    assert.equal(lar.ecx & ~(rights & 0x1000 ? accessed : 0), rights, `LAR ${kind}`);
    assert.equal(lar.eflags & 0x40, 0x40);
    assert.deepEqual([lsl.ecx, lsl.eflags & 0x40], [limit, 0x40], `LSL ${kind}`);
  }
  // a task gate is no type in IA-32e mode
  for (
    const kind of ["kernelData", "kernelCode", "interruptGate", "trapGate", "taskGate"] as const
  ) {
    for (const opcode of [2, 3]) {
      const r = bench.run({
        ring: 3,
        code: [0x0f, opcode, 0xc8],
        eax: selector(kind),
        ecx: 0x55,
        eflags: 0x40,
      });
      assert.deepEqual([r.vector, r.ecx, r.eflags & 0x40], [null, 0x55, 0], kind);
    }
  }
});
