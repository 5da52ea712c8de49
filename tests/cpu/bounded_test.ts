/**
 * No count of a guest's makes a slice long: the most it can ask for, in a slice of few instructions. What
 * was done by its end is counted, in elements and entries, and the instruction stands where it can go on.
 */
import assert from "node:assert/strict";
import {
  A,
  Bench,
  CODE_PAGE,
  D,
  FREE,
  HANDLERS,
  P,
  PAGE,
  RW,
  type Setup,
  UDS,
  US,
  va,
} from "./bench.ts";

const bench = await Bench.create();
const BUDGET = 1000;
/** Elements a repeated instruction may do before it looks at the slice (core/wasm/cpu/strings.ts). */
const BATCH = 4096;
const MANY = 0xffffffff;
const DOWN = 0x400;
const data = va(FREE), END = va(96);

const start = va(CODE_PAGE);

/** Runs a repeated instruction for a slice; the elements it did. */
function elements(code: number[], setup: Partial<Setup> = {}): number {
  const r = bench.run({
    code,
    ecx: MANY,
    esi: data,
    edi: data,
    eax: 0,
    budget: BUDGET,
    ...setup,
  });
  assert.deepEqual(
    { vector: r.vector, eip: r.eip },
    { vector: null, eip: start },
    "not begun anew",
  );
  return MANY - r.ecx;
}

const STRINGS: [string, number[], number][] = [
  ["movs", [0xf3, 0xa4], 1],
  ["cmps", [0xf3, 0xa6], 1],
  ["stos", [0xf3, 0xaa], 1],
  ["lods", [0xf3, 0xac], 1],
  ["scas", [0xf3, 0xae], 1],
  ["movsd", [0xf3, 0xa5], 4],
];

for (const [name, code] of STRINGS) {
  Deno.test(`REP ${name.toUpperCase()} of four billion ends with the slice, up, down, and element by element`, () => {
    const up = elements(code);
    // a bulk copy counts less than its elements: sixteen bytes are one
    assert.ok(up >= BUDGET / 4 && up <= BUDGET * 16 + BATCH, `${up} up`);
    const down = elements(code, { eflags: DOWN, esi: END - 4, edi: END - 4 });
    assert.ok(down >= BUDGET && down <= BUDGET + BATCH, `${down} down`);
    const based = { 0: { attributes: 0xc0f300, base: 0x1000, selector: UDS } };
    const slow = elements(code, { segments: based });
    assert.ok(slow >= BUDGET && slow <= BUDGET + BATCH, `${slow} with a based ES`);
    const watched = elements(code, { debug: { 0: END - 1, 7: 0x10001 } });
    assert.ok(watched >= BUDGET / 2 && watched <= BUDGET + 1, `${watched} under a breakpoint`);
  });
}

Deno.test("a loop of short repeated instructions is charged for their elements", () => {
  const loop = [
    ...[0xb9, 0xe8, 3, 0, 0], // mov ecx, 1000
    ...[0xf3, 0xac], // rep lodsb
    ...[0x81, 0xee, 0xe8, 3, 0, 0], // sub esi, 1000
    0x43, // inc ebx
    ...[0xeb, 0xf0], // jmp
  ];
  const r = bench.run({ code: loop, bare: true, ebx: 0, esi: data, budget: 20_000 });
  assert.ok(r.ebx >= 10 && r.ebx <= 21, `${r.ebx} rounds`);
});

Deno.test("REP INS and OUTS of four billion [emulate.ins] [emulate.outs]", () => {
  bench.guest.enter();
  bench.guest.write(va(9), 1);
  assert.equal(bench.guest.call(33, 6, va(9)), 0); // physdev_op.set_iopl
  bench.guest.rig.inside.slice_end();
  for (const code of [[0xf3, 0x6c], [0xf3, 0x6e]]) {
    const done = elements(code, { edx: 0x3f8 });
    assert.ok(done > 0 && done <= 1024, `${done}`);
  }
});

Deno.test("a guest that does nothing but fault", () => {
  const handler = va(HANDLERS, 6 * 16);
  bench.put(handler, [0x43, 0xcf]); // inc ebx; iret
  const r = bench.run({ code: [0x0f, 0x0b], ebx: 0, budget: BUDGET });
  assert.ok(r.ebx >= BUDGET / 4 && r.ebx <= BUDGET, `${r.ebx} faults`);
  bench.put(handler, [0xeb, 0xfe]);
});

/** A page seen at every address from `END` to the end of its level-1 table: a list that does not end soon. */
function endless(words: number[]): number {
  const { guest } = bench;
  guest.enter();
  for (let at = 0; at < PAGE; at += 4) guest.write(va(FREE, at), words[at / 4 % words.length]);
  for (let page = 96; page < 512; page++) {
    const entry = BigInt(guest.mfns[FREE]) << 12n | BigInt(P | RW | US | A | D);
    const [low, high] = [Number(entry & 0xffffffffn), Number(entry >> 32n)];
    assert.equal(guest.call(14, va(page), low, high, 0), 0);
  }
  guest.rig.inside.slice_end();
  return END;
}

/** Makes a hypercall for a slice; its registers when that ends. It must not have come to an end. */
function call(nr: number, ebx: number, ecx: number, edx = 0, esi = 0) {
  const r = bench.run({ code: [0xcd, 0x82], eax: nr, ebx, ecx, edx, esi, budget: BUDGET });
  assert.deepEqual({ vector: r.vector, eip: r.eip, eax: r.eax }, {
    vector: null,
    eip: start,
    eax: nr,
  });
  return r;
}

const HUGE = 1 << 30;
const SELF = 0x7ff0;

Deno.test("mmu_update of a billion [hypercall.preempted]", () => {
  const mfn = bench.guest.mfns[FREE];
  const list = endless([mfn << 12 | 1, 0, FREE, 0]);
  const r = call(1, list, HUGE, 0, SELF);
  const done = HUGE - (r.ecx & 0x7fffffff);
  assert.ok(done > 0 && done <= BUDGET / 50 + 1, `${done}`);
  assert.equal(r.ebx, list + done * 16);
});

Deno.test("mmuext_op of a billion [hypercall.preempted]", () => {
  const r = call(26, endless([6]), HUGE, 0, SELF);
  const done = HUGE - (r.ecx & 0x7fffffff);
  assert.ok(done > 0 && done <= BUDGET / 100 + 1, `${done}`);
});

Deno.test("pins of many tables: each is charged for its entries [hypercall.preempted] [mmuext_op.pin_l1_table]", () => {
  const tables = Array.from({ length: 40 }, (_, n) => 40 + n);
  for (const page of tables) bench.protect(page, P | US);
  const list = bench.guest.write(va(38), ...tables.flatMap((n) => [0, bench.guest.mfns[n], 0]));
  const r = call(26, list, tables.length, 0, SELF);
  const done = tables.length - (r.ecx & 0x7fffffff);
  assert.ok(done > 0 && done <= 3, `${done}`);
  assert.equal(r.ebx, list + done * 12);
});

Deno.test("multicall of a billion [hypercall.preempted]", () => {
  const list = endless([17, 0, 0, 0, 0, 0, 0, 0]);
  const r = call(13, list, HUGE);
  const done = HUGE - r.ecx;
  assert.ok(done > 0 && done <= BUDGET / 50 + 1, `${done}`);
  assert.equal(r.ebx, list + done * 32);
});

Deno.test("grant_table_op of a billion [hypercall.preempted]", () => {
  const r = call(20, 1, endless([0, 0, 0, 0, 0xffff, 0]), HUGE);
  assert.ok(HUGE - r.edx > 0 && HUGE - r.edx <= 128, `${HUGE - r.edx}`);
});

Deno.test("console_io of a billion [hypercall.preempted]", () => {
  const r = bench.run({
    code: [0xcd, 0x82],
    eax: 18,
    ebx: 0,
    ecx: HUGE,
    edx: endless([0]),
    budget: BUDGET,
  });
  // refused where the option is off; else in pieces
  assert.ok(r.eax === 18 ? HUGE - r.ecx <= 8192 : r.eax === 0xffffffff, `${r.eax}`);
});

Deno.test("set_trap_table with a list as long as memory [hypercall.preempted]", () => {
  const list = endless([0xe0190029, va(HANDLERS)]);
  const r = call(0, list, 0);
  const done = (r.ebx - list) / 8;
  assert.ok(done > 0 && done <= 1024, `${done}`);
});

Deno.test("memory_op with the most extents there can be [hypercall.preempted]", () => {
  // the list is the machine's one page: pfns that it may hold; frames run out long before
  const reservation = endless([END, 0x3ffffff, 0, 0, SELF]);
  const r = bench.run({
    code: [0xcd, 0x82],
    eax: 12,
    ebx: 6,
    ecx: reservation,
    budget: BUDGET,
  });
  assert.equal(r.vector, null);
  assert.ok(r.eax === 12 ? r.ebx >> 6 <= BUDGET / 200 + 1 : r.eax <= 16, `${r.eax} ${r.ebx}`);
});
