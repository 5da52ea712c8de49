/** The IRET instruction in rings 1 and 3: checks, rings, flags, and what it takes from data segments. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DS, ES, FS, GS, PREFIX_OP16, R_SP } from "../../core/wasm/layout.ts";
import {
  CODE,
  DATA,
  DPL,
  GDT,
  KCS,
  KDS,
  machine,
  page,
  UCS,
  UDS,
  UNMAPPED,
  USER,
} from "./machine.ts";

const m = await machine();
const { x } = m;
const TARGET = page(3) + 0x40;
m.describe(GDT, {
  1: { attributes: CODE | DPL(3) },
  2: { attributes: DATA | DPL(3) },
  3: { attributes: (CODE & ~0x8000) | DPL(3) },
  4: { attributes: (DATA & ~0x8000) | DPL(3) },
  5: { attributes: CODE | 0x400 | DPL(1) }, // conforming
  6: { attributes: (DATA & ~0x200) | DPL(3) },
  7: { limit: 0xff, attributes: (CODE & ~0x800000) | DPL(3) },
  8: { attributes: DATA | DPL(1) },
  9: { attributes: DATA & ~0x400000 | DPL(3) }, // 16-bit stack
});
assert.equal(m.useGdt(16), 0);

function iret(words: number[], { from = KCS, flags = 2, short = false, esp = 0 } = {}): string {
  const user = from === UCS;
  esp ||= user ? page(USER) + 0x800 : page(0) + 0x800;
  m.enter(from, page(3), flags, user ? UDS : KDS, esp);
  words.forEach((w, n) => {
    if (short) m.view(user ? USER : 0).setUint16((esp & 0xfff) + n * 2, w, true);
    else m.put(esp + n * 4, w);
  });
  x.probe_record(0, short ? PREFIX_OP16 : 0);
  x.insn_iret();
  return m.fault();
}

Deno.test("IRET refuses what the manual refuses, and changes nothing then [trap.iret]", () => {
  const U = page(USER) + 0x100;
  const cases: [string, number[], Parameters<typeof iret>[1]?][] = [
    ["d:0", [TARGET, KCS, 2], { flags: 0x4002 }], // NT
    ["d:0", [TARGET, 0, 2]],
    ["d:0", [TARGET, 3, 2, U, UDS]],
    ["d:e008", [TARGET, 0xe008, 2]], // inner ring
    ["d:e018", [TARGET, KCS, 2], { from: UCS }],
    ["d:1000", [TARGET, 0x1001, 2]], // beyond the table
    ["d:e020", [TARGET, KDS, 2]], // data
    ["d:e018", [TARGET, KCS | 3, 2, U, UDS]], // RPL is not DPL
    ["b:18", [TARGET, 0x1b, 2, U, UDS]], // code not present
    ["d:0", [TARGET, UCS, 2, U, 0]],
    ["d:0", [TARGET, UCS, 2, U, 3]],
    ["d:e020", [TARGET, UCS, 2, U, KDS]],
    ["d:10", [TARGET, UCS, 2, U, 0x10 | 1]],
    ["d:30", [TARGET, UCS, 2, U, 0x33]], // read-only
    ["d:8", [TARGET, UCS, 2, U, 0x0b]], // code as stack
    ["b:20", [TARGET, UCS, 2, U, 0x23]], // stack not present
    ["d:0", [0x100, 0x3b, 2, U, UDS]], // beyond the code segment's limit
    ["e:0", [], { esp: page(UNMAPPED) + 0x20 }],
    ["e:0", [], { esp: page(UNMAPPED) - 8 }],
  ];
  for (const [expected, words, options] of cases) {
    const fault = iret(words, options);
    assert.equal(fault, expected, words.map((w) => w.toString(16)).join(" "));
    const s = m.state();
    assert.equal(s.cs, options?.from ?? KCS);
    assert.equal(s.esp, options?.esp ?? (options?.from ? page(USER) : page(0)) + 0x800);
  }
});

Deno.test("IRET leaves IF and IOPL alone and takes the other flags [trap.iret]", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x3fffff }), fc.boolean(), (flags, short) => {
      const target = short ? 0x340 : TARGET;
      assert.equal(iret([target, KCS, flags], { short, flags: 0x200002 }), "");
      const taken = short ? 0x4dd5 : 0x244dd5;
      const kept = short ? 0x200000 : 0;
      assert.equal(m.state().flags, ((flags & taken) | kept | 0x202) >>> 0);
      assert.equal(m.state().eip, target);
      assert.equal(m.state().esp, page(0) + 0x800 + (short ? 6 : 12));
    }),
    { numRuns: 500 },
  );
});

Deno.test("IRET to ring 3 takes its stack and drops the kernel's data segments", () => {
  for (const cs of [UCS, 0x0b]) {
    m.enter(KCS, page(3), 2, KDS, page(0) + 0x800);
    for (const [seg, selector] of [[DS, KDS], [ES, UDS], [FS, 0x41], [GS, 0x29]]) {
      assert.equal(x.load_segment(seg, selector), 1);
    }
    [TARGET, cs, 2, page(USER) + 0x100, 0x13].forEach((w, n) => m.put(page(0) + 0x800 + n * 4, w));
    x.probe_record(0, 0);
    x.insn_iret();
    assert.equal(m.fault(), "");
    assert.deepEqual([DS, ES, FS, GS].map((seg) => x.probe_selector(seg)), [0, UDS, 0, 0x29]); // conforming code stays
    assert.deepEqual([DS, FS].map((seg) => x.probe_attr(seg)), [0, 0]);
    const s = m.state();
    assert.deepEqual([s.cs, s.ss, s.esp, s.cpl], [cs, 0x13, page(USER) + 0x100, 3]);
  }
});

Deno.test("a 16-bit stack of the outer ring gets SP alone", () => {
  m.enter(KCS, page(3), 2, KDS, page(0) + 0x800);
  [TARGET, UCS, 2, 0x12345678, 0x4b].forEach((w, n) => m.put(page(0) + 0x800 + n * 4, w));
  x.probe_record(0, 0);
  x.insn_iret();
  assert.equal(m.fault(), "");
  assert.equal(m.cpu.getUint32(R_SP, true), ((page(0) & 0xffff0000) | 0x5678) >>> 0);
});
