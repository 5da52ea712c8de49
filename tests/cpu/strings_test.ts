/**
 * Repeated string instructions stopped by a page fault: registers say how far they got, memory holds
 * what was done, EIP is the instruction's, and carried on they come to the end. Intel SDM volume 2,
 * REP: "ECX, ESI and EDI hold the state of the iteration that faulted".
 */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, FREE, P, RW, US, va } from "./bench.ts";

const bench = await Bench.create();
const PF = 14;
const SOURCE = FREE, TARGET = FREE + 4;
const DF = 0x400;

interface StringInstruction {
  name: string;
  opcode: number;
  rep: number;
  reads: boolean;
  writes: boolean;
  /** Reads through EDI as well. */
  compares?: boolean;
}
const STRINGS: StringInstruction[] = [
  { name: "movs", opcode: 0xa4, rep: 0xf3, reads: true, writes: true },
  { name: "movs by repne", opcode: 0xa4, rep: 0xf2, reads: true, writes: true },
  { name: "stos", opcode: 0xaa, rep: 0xf3, reads: false, writes: true },
  { name: "lods", opcode: 0xac, rep: 0xf3, reads: true, writes: false },
  { name: "cmps", opcode: 0xa6, rep: 0xf3, reads: true, writes: false, compares: true },
  { name: "scas", opcode: 0xae, rep: 0xf2, reads: false, writes: false, compares: true },
];

function encode(s: StringInstruction, size: number): number[] {
  return [...(size === 2 ? [0x66] : []), s.rep, s.opcode + (size === 1 ? 0 : 1)];
}

/** Elements that lie wholly before the page's end, in the direction of travel. */
const BEFORE = 5, AFTER = 6;

for (const s of STRINGS) {
  for (const size of [1, 2, 4]) {
    for (const down of [false, true]) {
      for (const side of ["source", "target"] as const) {
        if (side === "source" ? !s.reads : !s.writes && !s.compares) continue;
        for (const skew of [0, 1]) {
          if (skew && size === 1) continue;
          const name = `${s.name} ${size * 8} ${down ? "down" : "up"}, ${side} faults` +
            (skew ? ", over the page's end" : "");
          Deno.test(name, () => stopAndGoOn(s, size, down, side, skew));
        }
      }
    }
  }
}

function stopAndGoOn(
  s: StringInstruction,
  size: number,
  down: boolean,
  side: "source" | "target",
  skew: number,
): void {
  const step = down ? -size : size;
  const total = BEFORE + AFTER;
  // the side that faults starts so that BEFORE elements fit before the border, the other in mid-page
  const border = (page: number) => va(page + 1);
  const start = (page: number, faults: boolean) => {
    if (!faults) return va(page, 0x800);
    return down ? border(page) + (BEFORE - 1) * size + skew : border(page) - BEFORE * size - skew;
  };
  const esi = start(SOURCE, side === "source"), edi = start(TARGET, side === "target");
  const page = side === "source" ? SOURCE : TARGET;
  const missing = down ? page : page + 1;
  for (let p = FREE; p < FREE + 8; p++) bench.protect(p, P | RW | US);
  // equal data for CMPS; none of it equals the accumulator, for SCAS
  const accumulator = 0x5a5a5a5a;
  for (let i = -2; i < total + 2; i++) {
    for (let b = 0; b < size; b++) {
      bench.put(esi + i * step + b, [(i * 7 + b + 64) & 0x3f]);
      bench.put(edi + i * step + b, [s.compares ? (i * 7 + b + 64) & 0x3f : 0xee]);
    }
  }
  const image = () => [
    ...bench.get(esi - 64, 128),
    ...bench.get(edi - 64, 128),
  ];
  const before = image();
  bench.protect(missing, 0);
  const code = encode(s, size);
  const registers = { eax: accumulator, ecx: total, esi, edi };
  const flags = down ? DF : 0;
  const r = bench.run({ ring: 3, code, ...registers, eflags: flags });

  const done = BEFORE;
  const movesSource = s.reads, movesTarget = s.writes || s.compares;
  assert.deepEqual([r.vector, r.eip], [PF, va(CODE_PAGE)]);
  assert.equal(r.ecx, total - done, "ECX");
  assert.equal(r.esi, movesSource ? esi + done * step : esi, "ESI");
  assert.equal(r.edi, movesTarget ? edi + done * step : edi, "EDI");
  assert.equal(r.error, 4 | (side === "target" && s.writes ? 2 : 0));
  const element = (side === "source" ? esi : edi) + done * step;
  // the first byte of the missing page that the element touches
  const first = down ? element : skew ? va(missing) : element;
  assert.equal(r.cr2 >>> 0, first >>> 0, "CR2");
  if (s.writes) {
    const now = image();
    const expected = [...before];
    for (let i = 0; i < done; i++) {
      for (let b = 0; b < size; b++) {
        const at = edi + i * step + b;
        expected[128 + at - (edi - 64)] = s.opcode === 0xaa
          ? 0x5a
          : before[esi + i * step + b - (esi - 64)];
      }
    }
    assert.deepEqual(now, expected, "memory");
  } else assert.deepEqual(image(), before);
  assert.equal(r.eflags & 0x10000, 0x10000, "RF: the instruction is to be restarted");

  // the page is there now: the rest is done as if nothing had been
  bench.protect(missing, P | RW | US);
  const { eax, ecx } = r;
  const end = bench.run({ ring: 3, code, eax, ecx, esi: r.esi, edi: r.edi, eflags: flags });
  assert.equal(end.vector, null);
  assert.equal(end.ecx, 0);
  assert.equal(end.esi, movesSource ? esi + total * step : esi);
  assert.equal(end.edi, movesTarget ? edi + total * step : edi);
}

Deno.test("a count of zero touches nothing, wherever the pointers point", () => {
  for (const s of STRINGS) {
    const r = bench.run({
      code: encode(s, 4),
      ring: 3,
      ecx: 0,
      esi: 0x100,
      edi: 0x100,
      eflags: 0x45,
    });
    assert.deepEqual([r.vector, r.ecx, r.esi, r.edi], [null, 0, 0x100, 0x100], s.name);
    assert.equal(r.eflags & 0x8d5, 0x45, s.name);
  }
});

Deno.test("with a 16-bit address size CX counts, SI and DI wrap, and the upper halves stay", () => {
  const base = va(FREE);
  const flat = { selector: 0xe033, attributes: 0xc0f300, base, limit: 0xffff };
  for (let p = FREE; p < FREE + 16; p++) bench.protect(p, P | RW | US);
  const segments = { 0: flat, 3: flat };
  bench.put(base + 0xfffe, [1, 2]);
  bench.put(base, [3, 4]);
  const r = bench.run({
    ring: 3,
    segments,
    code: [0x67, 0xf3, 0xa4],
    ecx: 0xaaaa0004,
    esi: 0xbbbbfffe,
    edi: 0xcccc8000,
  });
  assert.deepEqual(
    [r.vector, r.ecx, r.esi >>> 0, r.edi >>> 0],
    [null, 0xaaaa0000, 0xbbbb0002, 0xcccc8004],
  );
  assert.deepEqual(bench.get(base + 0x8000, 4), [1, 2, 3, 4]);
  // an element that goes over the end of the segment is refused, not wrapped
  const w = bench.run({ ring: 3, segments, code: [0x67, 0x66, 0xa5], esi: 0xffff, edi: 0 });
  assert.deepEqual([w.vector, w.error], [13, 0]);
});

Deno.test("single steps: a trap after each element, at the instruction until it is done", () => {
  for (let p = FREE; p < FREE + 8; p++) bench.protect(p, P | RW | US);
  let state = { ecx: 3, esi: va(SOURCE), edi: va(TARGET) };
  const code = [0xf3, 0xa4];
  for (let left = 2; left >= 0; left--) {
    const r = bench.run({ code, ring: 3, ...state, eflags: 0x100 });
    assert.equal(r.vector, 1);
    assert.equal(r.dr6 & 0x4000, 0x4000);
    assert.equal(r.ecx, left);
    assert.equal(r.eip, va(CODE_PAGE) + (left ? 0 : 2), `with ${left} left`);
    state = { ecx: r.ecx, esi: r.esi, edi: r.edi };
  }
});
