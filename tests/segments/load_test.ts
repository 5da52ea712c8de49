/** Segment loads and the instructions that inspect descriptors, against the manual's rules said anew. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { probe } from "../traps/probe.ts";
import { DS, ES, FS, GS, SS } from "../../core/wasm/layout.ts";

const { x, machine, fault } = await probe();
const GDT = 1 << 12;
const LDT_BIT = 4;

/** A present-or-not code, data or system descriptor, with every type and DPL. */
const descriptor = fc.record({
  type: fc.integer({ min: 0, max: 15 }),
  segment: fc.boolean(),
  dpl: fc.integer({ min: 0, max: 3 }),
  present: fc.boolean(),
  limit: fc.integer({ min: 0, max: 0xfffff }),
  base: fc.integer({ min: 0, max: 0xffffffff }),
  big: fc.boolean(),
  pages: fc.boolean(),
});
type Descriptor = typeof descriptor extends fc.Arbitrary<infer T> ? T : never;

function encode(d: Descriptor): [number, number] {
  const low = ((d.base & 0xffff) << 16) | (d.limit & 0xffff);
  const high = (d.base & 0xff000000) | ((d.base >>> 16) & 0xff) | (d.limit & 0xf0000) |
    (d.pages ? 0x800000 : 0) | (d.big ? 0x400000 : 0) | (d.present ? 0x8000 : 0) | (d.dpl << 13) |
    (d.segment ? 0x1000 : 0) | (d.type << 8);
  return [low >>> 0, high >>> 0];
}

function put(entry: number, d: Descriptor): void {
  const [low, high] = encode(d);
  machine.setUint32(GDT + entry * 8, low, true);
  machine.setUint32(GDT + entry * 8 + 4, high, true);
}

const isCode = (d: Descriptor) => d.segment && (d.type & 8) !== 0;
const isConforming = (d: Descriptor) => isCode(d) && (d.type & 4) !== 0;
const isWritable = (d: Descriptor) => d.segment && !isCode(d) && (d.type & 2) !== 0;
const isReadable = (d: Descriptor) => d.segment && (!isCode(d) || (d.type & 2) !== 0);
const bytes = (d: Descriptor) => d.pages ? ((d.limit << 12) | 0xfff) >>> 0 : d.limit;

/** The fault of a load, as the manual's tables for MOV to a segment register have it. */
function loadFault(seg: number, d: Descriptor, rpl: number, cpl: number, selector: number): string {
  const error = (selector & 0xfffc).toString(16);
  if (seg === SS) {
    if (rpl !== cpl || !isWritable(d) || d.dpl !== cpl) return "d:" + error;
    return d.present ? "" : "c:" + error;
  }
  if (!isReadable(d)) return "d:" + error;
  if (!isConforming(d) && (rpl > d.dpl || cpl > d.dpl)) return "d:" + error;
  return d.present ? "" : "b:" + error;
}

const ring = fc.constantFrom(1, 3);
const rpl = fc.integer({ min: 0, max: 3 });
const register = fc.constantFrom(ES, SS, DS, FS, GS);

Deno.test("a segment load faults, loads and marks as the manual says [descriptor.load] [descriptor.load_ss] [descriptor.accessed]", () => {
  fc.assert(
    fc.property(descriptor, rpl, ring, register, (d, rpl, cpl, seg) => {
      put(5, d);
      const selector = 5 * 8 | rpl;
      x.probe_set_cpl(cpl);
      x.probe_segment(seg, 0x77, 0x123400, 1, 2);
      const loaded = x.load_segment(seg, selector);
      const expected = loadFault(seg, d, rpl, cpl, selector);
      assert.equal(fault(), expected);
      assert.equal(loaded, expected === "" ? 1 : 0);
      const accessed = machine.getUint32(GDT + 44, true);
      if (expected) {
        assert.equal(x.probe_selector(seg), 0x77);
        assert.equal(accessed, encode(d)[1]);
      } else {
        assert.equal(x.probe_selector(seg), selector);
        assert.equal(x.probe_base(seg) >>> 0, d.base);
        assert.equal(x.probe_limit(seg) >>> 0, bytes(d));
        assert.equal(accessed, (encode(d)[1] | 0x100) >>> 0);
      }
    }),
    { numRuns: 4000 },
  );
});

Deno.test("null selectors load everywhere but in SS [descriptor.load]", () => {
  for (const cpl of [1, 3]) {
    x.probe_set_cpl(cpl);
    for (let selector = 0; selector < 4; selector++) {
      for (const seg of [ES, DS, FS, GS]) {
        assert.equal(x.load_segment(seg, selector), 1);
        assert.equal(x.probe_attr(seg), 0);
        assert.equal(x.probe_selector(seg), selector);
      }
      assert.equal(x.load_segment(SS, selector), 0);
      assert.equal(fault(), "d:0");
    }
  }
});

Deno.test("selectors beyond a table are refused with themselves as error code [descriptor.gdt_end] [descriptor.ldt_end]", () => {
  x.probe_set_cpl(1);
  x.probe_ldt(0, 0);
  for (const selector of [0x1001, 0xdff9, 0xe069, 0xfff9, 0x8 | LDT_BIT, 0xffff]) {
    assert.equal(x.load_segment(ES, selector), 0);
    assert.equal(fault(), "d:" + (selector & 0xfffc).toString(16));
  }
});

Deno.test("Xen's own page: flat segments for rings 1 and 3, nothing for ring 0 [descriptor.xen]", () => {
  for (
    const [cpl, good, bad] of [[1, [0xe021, 0xe033, 0xe019, 0xe02b], []], [3, [0xe033, 0xe02b], [
      0xe021,
      0xe019,
    ]]] as const
  ) {
    x.probe_set_cpl(cpl);
    for (const selector of good) {
      assert.equal(x.load_segment(DS, selector), 1, selector.toString(16));
      assert.equal(x.probe_limit(DS) >>> 0, 0xffffffff);
    }
    for (const selector of [...bad, 0xe009, 0xe011, 0xe041, 0xe051, 0xe061, 0xe001, 0xe039]) {
      assert.equal(x.load_segment(DS, selector), 0, selector.toString(16));
      assert.equal(fault(), "d:" + (selector & 0xfffc).toString(16));
    }
  }
});

Deno.test("LAR, LSL, VERR and VERW see what the manual lets them see [descriptor.lar_lsl]", () => {
  fc.assert(
    fc.property(descriptor, rpl, ring, (d, rpl, cpl) => {
      put(6, d);
      const selector = 6 * 8 | rpl;
      x.probe_set_cpl(cpl);
      const visible = isConforming(d) || (d.dpl >= cpl && d.dpl >= rpl);
      const lar = visible && (d.segment || [2, 9, 11, 12].includes(d.type));
      const lsl = visible && (d.segment || [2, 9, 11].includes(d.type));
      assert.equal(x.insn_lar(selector), lar ? BigInt(encode(d)[1] & 0xf0ff00) : -1n);
      assert.equal(x.insn_lsl(selector), lsl ? BigInt(bytes(d)) : -1n);
      assert.equal(x.insn_verr(selector), visible && isReadable(d) ? 1 : 0);
      assert.equal(x.insn_verw(selector), visible && isWritable(d) ? 1 : 0);
      assert.equal(fault(), "");
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a return takes only code of the ring that its selector asks for, never an inner one", () => {
  fc.assert(
    fc.property(descriptor, rpl, fc.constantFrom(0, 1, 3), (d, rpl, from) => {
      put(7, d);
      const selector = 7 * 8 | rpl;
      const right = isCode(d) && (isConforming(d) ? d.dpl <= rpl : d.dpl === rpl);
      const error = (selector & 0xfffc).toString(16);
      const expected = rpl < from || !right ? "d:" + error : d.present ? "" : "b:" + error;
      assert.equal(x.check_return_code(selector, from), expected ? 0 : 1);
      assert.equal(fault(), expected);
    }),
    { numRuns: 3000 },
  );
});
