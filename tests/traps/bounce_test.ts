/** Bounce frames: what they hold, what they leave, and every stack or handler that ends the domain. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BASE,
  CODE,
  DATA,
  DPL,
  GDT,
  KCS,
  KDS,
  machine,
  page,
  READ_ONLY,
  UCS,
  UDS,
  UNMAPPED,
  USER,
} from "./machine.ts";

const m = await machine();
const { x } = m;
const HANDLER = page(1);
const KERNEL_TOP = page(2);
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];
const SHOWN = 0x244dd5; // CF PF AF ZF SF TF DF OF NT AC ID: what a frame takes over
const DATA_GDT = 0x11; // ring 1 data in the guest's own table
const BASED = 0x19,
  SMALL = 0x21,
  DOWN = 0x29,
  ABSENT = 0x31,
  RO_DATA = 0x39,
  CODE_GDT = 0x41,
  RING3 = 0x4b,
  CODE16 = 0x51;

m.describe(GDT, {
  1: { attributes: CODE | DPL(1) },
  2: { attributes: DATA | DPL(1) },
  3: { base: 0x1000, attributes: DATA | DPL(1) },
  4: { base: BASE, limit: 0x17ff, attributes: (DATA & ~0x800000) | DPL(1) },
  5: { base: BASE, limit: 0x17ff, attributes: (DATA & ~0x800000) | 0x400 | DPL(1) },
  6: { attributes: (DATA & ~0x8000) | DPL(1) },
  7: { attributes: (DATA & ~0x200) | DPL(1) },
  8: { attributes: CODE | DPL(1) },
  9: { attributes: DATA | DPL(3) },
  10: { limit: 0xffff, attributes: (CODE & ~0xc00000) | DPL(1) },
});
assert.equal(m.useGdt(16), 0);

function reset(): void {
  x.do_stack_switch(KDS, BigInt(KERNEL_TOP));
  x.probe_vm_assist(0);
  x.probe_iopl(0);
  m.setMask(1);
}

Deno.test("a frame holds the interrupted context, and the context after it is the handler's [trap.frame] [trap.mask]", () => {
  const context = fc.record({
    user: fc.boolean(),
    vector: fc.constantFrom(0, 1, 3, 6, 8, 10, 11, 12, 13, 14, 16, 17, 19, 0x80),
    flags: fc.integer({ min: 0, max: 0x3fffff }),
    esp: fc.integer({ min: 0x40, max: 0xffc }),
    mask: fc.integer({ min: 0, max: 255 }),
    masks: fc.boolean(),
    error: fc.integer({ min: 0, max: 0xffff }),
    iopl: fc.integer({ min: 0, max: 3 }),
    architectural: fc.boolean(),
  });
  fc.assert(
    fc.property(
      context,
      ({ user, vector, flags, esp, mask, masks, error, iopl, architectural }) => {
        reset();
        m.setTrap(vector, masks ? 4 : 0, KCS, HANDLER);
        x.probe_vm_assist(architectural ? 16 : 0);
        x.probe_iopl(iopl);
        m.setMask(mask);
        const from = user ? page(USER) + esp : page(0) + esp;
        m.enter(user ? UCS : KCS, page(3), flags, user ? UDS : KDS, from);
        x.probe_fault_set(vector, error);
        x.deliver_fault();
        assert.equal(x.probe_crashed(), 0);

        const expected: number[] = [];
        if (WITH_ERROR.includes(vector)) {
          expected.push(vector === 14 ? (error & ~4) | (user ? 4 : 0) : error);
        }
        expected.push(page(3));
        expected.push((user ? UCS : KCS) | (mask << 16));
        // RF in the image of a fault, but not of #DB
        const shown = (flags & SHOWN) | 2 | (vector === 1 ? 0 : 0x10000);
        expected.push(shown | (mask ? 0 : 0x200) | (architectural ? iopl << 12 : 0));
        if (user) expected.push(from, UDS);
        const top = user ? KERNEL_TOP : from;
        const start = top - expected.length * 4;
        const got = expected.map((_, n) => m.word(start + n * 4));
        assert.deepEqual(got.map((w) => w >>> 0), expected.map((w) => w >>> 0));

        const after = m.state();
        assert.equal(after.cs, KCS);
        assert.equal(after.eip, HANDLER);
        assert.equal(after.ss, KDS);
        assert.equal(after.esp, start >>> 0);
        assert.equal(after.cpl, 1);
        assert.equal(after.flags, ((flags & SHOWN & ~0x14100) | 0x202) >>> 0); // RF NT TF gone, IF stays
        assert.equal(m.mask(), masks ? mask | 1 : mask);
      },
    ),
    { numRuns: 2000 },
  );
});

function bounceFrom(cs: number, ss: number, esp: number): void {
  m.setTrap(3, 0, KCS, HANDLER);
  m.enter(cs, page(3), 0x202, ss, esp);
  x.insn_int3();
}

Deno.test("a ring 1 frame goes through the base and limit of SS [trap.based_stack]", () => {
  reset();
  bounceFrom(KCS, BASED, page(0) + 0x800);
  assert.equal(x.probe_crashed(), 0);
  assert.equal(m.word(page(1) + 0x800 - 12), page(3));
  assert.equal(m.state().ss, BASED);

  bounceFrom(KCS, SMALL, 0x1800); // the last byte of the limit
  assert.equal(x.probe_crashed(), 0);
  assert.equal(m.word(BASE + 0x1800 - 12), page(3));
  bounceFrom(KCS, SMALL, 0x1801);
  assert.equal(x.probe_crashed(), 1);

  bounceFrom(KCS, DOWN, 0x180c); // the frame starts just above the limit
  assert.equal(x.probe_crashed(), 0);
  bounceFrom(KCS, DOWN, 0x180b);
  assert.equal(x.probe_crashed(), 1);
});

Deno.test("a frame that cannot be written in ring 1 ends the domain [trap.bad_stack] [trap.#DF]", () => {
  reset();
  for (
    const esp of [
      page(UNMAPPED) + 0x100,
      page(READ_ONLY) + 0x100,
      page(GDT) + 8,
      8,
      0xf5900000,
      0x1000,
      page(UNMAPPED) + 4,
    ]
  ) {
    bounceFrom(KCS, KDS, esp);
    assert.equal(x.probe_crashed(), 1, esp.toString(16));
  }
});

Deno.test("a user page is good enough for a kernel's frame", () => {
  reset();
  bounceFrom(KCS, KDS, page(USER) + 0x200);
  assert.equal(x.probe_crashed(), 0);
});

Deno.test("entries from ring 3 end the domain when kernel_ss or kernel_sp is bad [trap.kernel_stack] [stack_switch]", () => {
  const cases: [number, number][] = [
    [0, KERNEL_TOP],
    [KCS, KERNEL_TOP],
    [ABSENT, KERNEL_TOP],
    [RO_DATA, KERNEL_TOP],
    [CODE_GDT, KERNEL_TOP],
    [0x1001, KERNEL_TOP],
    [0x69, KERNEL_TOP],
    [0xe013, KERNEL_TOP],
    [0x5, KERNEL_TOP],
    [0xe041, KERNEL_TOP],
    [DATA_GDT | 3, KERNEL_TOP], // RPL above the segment's ring
    [SMALL, 0x1801],
    [KDS, page(UNMAPPED) + 8],
    [KDS, page(READ_ONLY) + 0x100],
    [KDS, 0],
  ];
  for (const [ss, sp] of cases) {
    reset();
    x.do_stack_switch(ss, BigInt(sp));
    for (let at = KERNEL_TOP - 32; at < KERNEL_TOP; at += 4) m.put(at, 0x5a5a5a5a);
    bounceFrom(UCS, UDS, page(USER) + 0x100);
    assert.equal(x.probe_crashed(), 1, ss.toString(16));
    for (let at = KERNEL_TOP - 32; at < KERNEL_TOP; at += 4) {
      assert.equal(m.word(at), 0x5a5a5a5a, `${ss.toString(16)}: no frame is written`);
    }
  }
  reset();
  x.do_stack_switch(DATA_GDT & ~1, BigInt(KERNEL_TOP)); // RPL 0 is raised to 1
  bounceFrom(UCS, UDS, page(USER) + 0x100);
  assert.equal(x.probe_crashed(), 0);
  assert.equal(m.state().ss, DATA_GDT);
});

Deno.test("a kernel_ss of ring 3 takes frames, but no ring 1 handler can run on it: the domain ends", () => {
  reset();
  x.do_stack_switch(RING3, BigInt(KERNEL_TOP));
  m.setTrap(13, 0, KCS, HANDLER);
  bounceFrom(UCS, UDS, page(USER) + 0x100);
  assert.equal(x.probe_crashed(), 1);
});

Deno.test("a null handler selector ends the domain, after the frame was written [trap.no_handler]", () => {
  for (const cs of [0, 1, 2, 3]) {
    reset();
    m.setTrap(3, 0, cs, HANDLER);
    m.put(page(0) + 0x7f4, 0);
    m.enter(KCS, page(3), 0x202, KDS, page(0) + 0x800);
    x.insn_int3();
    assert.equal(x.probe_crashed(), 1);
    assert.equal(m.word(page(0) + 0x7f4), page(3));
  }
});

Deno.test("a bad handler selector is #GP at the handler's first instruction [trap.handler_cs]", () => {
  const bad: [number, number][] = [[0x1231, 0x1230], [KDS, KDS & ~3], [0xe009, 0xe008], [
    0x1001,
    0x1000,
  ], [CODE_GDT | 2, 0x40]];
  for (const [cs, error] of bad) {
    reset();
    m.setTrap(13, 0, KCS, HANDLER + 0x20);
    m.setTrap(3, 0, cs, HANDLER);
    m.enter(KCS, page(3), 0x202, KDS, page(0) + 0x800);
    x.insn_int3();
    assert.equal(x.probe_crashed(), 0, cs.toString(16));
    const { eip, esp } = m.state();
    assert.equal(eip, HANDLER + 0x20);
    assert.equal(m.word(esp), error);
    assert.equal(m.word(esp + 4), HANDLER);
    assert.equal(m.word(esp + 8) & 0xffff, cs);
    assert.equal(m.word(esp + 12), 2); // no RF: the hypervisor's IRET faulted, not an instruction
  }
});

Deno.test("a handler beyond its code segment's limit is #GP(0) there", () => {
  reset();
  m.setTrap(13, 0, KCS, HANDLER);
  m.setTrap(3, 0, CODE16, 0x10000);
  m.enter(KCS, page(3), 0x202, KDS, page(0) + 0x800);
  x.insn_int3();
  assert.equal(x.probe_crashed(), 0);
  assert.equal(m.state().eip, HANDLER);
  assert.equal(m.word(m.state().esp), 0);
  assert.equal(m.word(m.state().esp + 4), 0x10000);
});

Deno.test("handlers that all fault on entry end the domain instead of going on for ever [trap.handler_loop]", () => {
  for (const cs of [UCS, 0x1233, KDS]) {
    reset();
    m.setTrap(13, 0, cs, HANDLER);
    m.setTrap(3, 0, cs, HANDLER);
    m.enter(KCS, page(3), 0x202, KDS, page(0) + 0x800);
    x.insn_int3();
    assert.equal(x.probe_crashed(), 1, cs.toString(16));
  }
});
