/**
 * Limits and types of data segments, from both ends: byte and page granular, growing up and down, 16 and
 * 32 bits. Intel SDM volume 3, 5.3 (limit checking) and 5.5 (type checking); a fault through SS is #SS(0),
 * through any other segment #GP(0).
 */
import assert from "node:assert/strict";
import { Bench, CODE_PAGE, DATA16, DATA32, EXPAND_DOWN, FREE, type Hidden, va } from "./bench.ts";

const bench = await Bench.create();
const GP = 13, SS_FAULT = 12;
const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5;
const PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const READ_ONLY = (a: number) => a & ~0x200;
/** Offsets count from here, so that every page up to 64 KiB above is there. */
const base = va(FREE);

const ACCESSES: [string, number[], number, boolean][] = [
  ["mov al, [ebx]", [0x8a, 0x03], 1, false],
  ["mov ax, [ebx]", [0x66, 0x8b, 0x03], 2, false],
  ["mov eax, [ebx]", [0x8b, 0x03], 4, false],
  ["mov [ebx], al", [0x88, 0x03], 1, true],
  ["mov [ebx], ax", [0x66, 0x89, 0x03], 2, true],
  ["add [ebx], eax", [0x01, 0x03], 4, true],
  ["cmpxchg8b [ebx]", [0x0f, 0xc7, 0x0b], 8, true],
];

/** Segments, and the first and last offsets that are inside. */
const SHAPES: { name: string; hidden: Hidden; first: number; last: number }[] = [
  {
    name: "up, byte granular",
    hidden: { attributes: DATA32, limit: 0x123 },
    first: 0,
    last: 0x123,
  },
  { name: "up, limit 0", hidden: { attributes: DATA32, limit: 0 }, first: 0, last: 0 },
  { name: "up, one page", hidden: { attributes: DATA32, limit: 0xfff }, first: 0, last: 0xfff },
  { name: "up, 64 KiB", hidden: { attributes: DATA16, limit: 0xffff }, first: 0, last: 0xffff },
  {
    name: "down, 16-bit",
    hidden: { attributes: DATA16 | EXPAND_DOWN, limit: 0x123 },
    first: 0x124,
    last: 0xffff,
  },
  {
    name: "down, 16-bit, page granular",
    hidden: { attributes: DATA16 | EXPAND_DOWN, limit: 0xefff },
    first: 0xf000,
    last: 0xffff,
  },
  {
    name: "down, 16-bit, nothing left",
    hidden: { attributes: DATA16 | EXPAND_DOWN, limit: 0xffff },
    first: 0x10000,
    last: 0xffff,
  },
];

for (const { name, hidden, first, last } of SHAPES) {
  Deno.test(`${name}: inside from ${first} to ${last}`, () => {
    for (const segment of [ES, SS, DS, FS, GS]) {
      for (const [what, code, size, write] of ACCESSES) {
        const edges = [first - 1, first, last - size + 1, last - size + 2, last, last + 1];
        for (const offset of new Set(edges.filter((o) => o >= 0 && o <= 0x10000))) {
          const inside = offset >= first && offset + size - 1 <= last;
          const r = bench.run({
            ring: 3,
            code: [PREFIX[segment], ...code],
            ebx: offset,
            segments: { [segment]: { selector: 0xe033, base, ...hidden } },
          });
          const at = `${what} via ${segment} at ${offset.toString(16)}${write ? ", write" : ""}`;
          const expected = inside ? [null, null] : [segment === SS ? SS_FAULT : GP, 0];
          assert.deepEqual([r.vector, r.error], expected, at);
          if (!inside) assert.equal(r.eip, va(CODE_PAGE), at);
        }
      }
    }
  });
}

Deno.test("a 32-bit segment that grows down reaches to 4 GiB and no further", () => {
  // base chosen so that offset 0xFFFFF000 is a page of the guest's
  const hidden = { attributes: DATA32 | EXPAND_DOWN, limit: 0xffffefff, base: base + 0x1000 };
  for (
    const [offset, size, ok] of [
      [0xfffff000, 4, true],
      [0xffffeffc, 4, false],
      [0xfffffffc, 4, true],
      [
        0xfffffffd,
        4,
        false,
      ],
      [0xffffffff, 1, true],
      [0, 1, false],
    ] as const
  ) {
    const r = bench.run({
      ring: 3,
      code: size === 4 ? [0x8b, 0x03] : [0x8a, 0x03],
      ebx: offset,
      segments: { [DS]: { selector: 0xe033, ...hidden } },
    });
    assert.equal(r.vector, ok ? null : GP, offset.toString(16));
  }
});

Deno.test("base plus offset wraps at 4 GiB", () => {
  bench.put(base + 0x10, [0x78, 0x56, 0x34, 0x12]);
  const r = bench.run({
    code: [0x8b, 0x03],
    ebx: 0xf0000000,
    segments: { [DS]: { attributes: DATA32, base: base + 0x10 + 0x10000000 } },
  });
  assert.equal(r.eax, 0x12345678);
});

Deno.test("types: read-only is not written, execute-only is not read, null is neither", () => {
  const code = 0xc0fb00;
  const kinds: [string, number, boolean, boolean][] = [
    ["data", DATA32, true, true],
    ["read-only data", READ_ONLY(DATA32), true, false],
    ["read-only data, down", READ_ONLY(DATA32) | EXPAND_DOWN, true, false],
    ["code, readable", code, true, false],
    ["code, execute-only", READ_ONLY(code), false, false],
    ["null", 0, false, false],
  ];
  for (const [name, attributes, readable, writable] of kinds) {
    for (const segment of [ES, DS, FS, GS]) {
      for (const [what, bytes, , write] of ACCESSES) {
        const r = bench.run({
          ring: 3,
          code: [PREFIX[segment], ...bytes],
          ebx: attributes & EXPAND_DOWN && attributes & 0x1000 && !(attributes & 0x800)
            ? 0x2000
            : 0x100,
          segments: {
            [segment]: { selector: attributes ? 0xe033 : 0, attributes, base, limit: 0x1fff },
          },
        });
        const ok = write ? writable : readable;
        assert.deepEqual([r.vector, r.error], ok ? [null, null] : [GP, 0], `${name}: ${what}`);
      }
    }
  }
  // CS itself: readable, never written
  const read = bench.run({ code: [0x2e, 0x8b, 0x03], ebx: base });
  const write = bench.run({ code: [0x2e, 0x89, 0x03], ebx: base });
  assert.deepEqual([read.vector, write.vector, write.error], [null, GP, 0]);
  const hidden = { selector: 0xe019, attributes: READ_ONLY(code) & ~0x4000, base: 0 };
  assert.equal(
    bench.run({ code: [0x2e, 0x8b, 0x03], ebx: base, segments: { [CS]: hidden } }).vector,
    GP,
  );
});

Deno.test("with EBP or ESP as base, and 16-bit BP, it is the stack segment that counts", () => {
  const segments = { [SS]: { attributes: DATA32, base, limit: 0x1ff, selector: 0xe033 } };
  const codes: [string, number[]][] = [
    ["[ebp]", [0x8b, 0x45, 0]],
    ["[esp]", [0x8b, 0x04, 0x24]],
    ["[ebp+eax]", [0x8b, 0x44, 0x05, 0]],
    ["[bp+si]", [0x67, 0x8b, 0x02]],
    ["[bp+di]", [0x67, 0x8b, 0x03]],
    ["[bp]", [0x67, 0x8b, 0x46, 0]],
  ];
  for (const [name, code] of codes) {
    for (const [offset, vector] of [[0x1fc, null], [0x1fd, SS_FAULT]] as const) {
      const r = bench.run({
        ring: 3,
        code,
        segments,
        ebp: offset,
        esp: offset,
        eax: 0,
        esi: 0,
        edi: 0,
      });
      assert.equal(r.vector, vector, `${name} at ${offset}`);
    }
  }
  // an override makes it DS again; EBP as an index does not count
  const over = bench.run({ ring: 3, code: [0x3e, 0x8b, 0x45, 0], segments, ebp: base });
  const index = bench.run({ ring: 3, code: [0x8b, 0x04, 0x2b], segments, ebp: base, ebx: 0 });
  assert.deepEqual([over.vector, index.vector], [null, null]);
});

Deno.test("16-bit addresses: the sum of base, index and displacement is cut to 64 KiB", () => {
  const segments = { [DS]: { selector: 0xe033, attributes: DATA16, base, limit: 0xffff } };
  bench.put(base + 0x10, [1, 2, 3, 4]);
  const r = bench.run({
    ring: 3,
    code: [0x67, 0x8b, 0x40, 0x20], // mov eax, [bx+si+0x20]
    ebx: 0x1234_fff0,
    esi: 0x5678_0000,
    segments,
  });
  assert.equal(r.eax, 0x04030201);
  const lea = bench.run({ code: [0x67, 0x8d, 0x80, 0xff, 0xff], ebx: 0xffff, esi: 3 });
  assert.equal(lea.eax, 1); // 0xffff + 3 - 1, cut
});
