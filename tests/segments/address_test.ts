/** Offsets to linear addresses: type, limit and direction of a segment, against the manual's rules. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DS, SS } from "../../core/wasm/layout.ts";
import { probe } from "../traps/probe.ts";

const { x, fault } = await probe();
const word = fc.integer({ min: 0, max: 0xffffffff });
/** Offsets and limits close to each other, or anywhere. */
const near = fc.oneof(
  fc.constantFrom(0, 0xfff, 0x1000, 0xffff, 0x10000, 0xfffffffe, 0xffffffff),
  word,
);
const CODE = 0x800, DOWN = 0x400, READ_WRITE = 0x200, BIG = 0x400000, FIXED = 0x9000;

Deno.test("segment_address lets through what lies inside, and nothing else [descriptor.base] [descriptor.limit] [descriptor.expand_down]", () => {
  const attributes = fc.record({
    code: fc.boolean(),
    down: fc.boolean(),
    rw: fc.boolean(),
    big: fc.boolean(),
  });
  const size = fc.constantFrom(1, 2, 4, 8, 10, 16, 32);
  fc.assert(
    fc.property(
      attributes,
      near,
      word,
      near,
      size,
      fc.boolean(),
      fc.constantFrom(DS, SS),
      (a, limit, base, offset, size, write, seg) => {
        const attr = FIXED | (a.code ? CODE : 0) | (a.down ? DOWN : 0) | (a.rw ? READ_WRITE : 0) |
          (a.big ? BIG : 0);
        x.probe_segment(seg, 8, attr, base, limit);
        const allowed = write ? !a.code && a.rw : !a.code || a.rw;
        const last = offset + size - 1;
        const inside = !a.code && a.down
          ? offset > limit && last <= (a.big ? 0xffffffff : 0xffff)
          : last <= limit;
        const address = BigInt.asUintN(64, x.segment_address(seg, offset, size, write ? 1 : 0));
        if (allowed && inside) {
          assert.equal(address, BigInt((base + offset) % 2 ** 32));
          assert.equal(fault(), "");
        } else {
          assert.equal(address, 0xffffffffffffffffn);
          assert.equal(fault(), seg === SS ? "c:0" : "d:0");
        }
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("a null segment gives no address", () => {
  for (const [seg, expected] of [[DS, "d:0"], [SS, "c:0"]] as const) {
    x.probe_segment(seg, 0, 0, 0, 0);
    assert.equal(BigInt.asUintN(64, x.segment_address(seg, 0, 1, 0)), 0xffffffffffffffffn);
    assert.equal(fault(), expected);
  }
});
