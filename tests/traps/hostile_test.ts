/** Kernels that set whatever they like as handlers, stacks and frames: the guest ends up in a ring of its own, or the domain ends. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { C_EIP } from "../../core/wasm/layout.ts";
import {
  BASE,
  CODE,
  DATA,
  DPL,
  GDT,
  KCS,
  KDS,
  LDT,
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
m.describe(GDT, {
  1: { attributes: CODE | DPL(1) },
  2: { attributes: DATA | DPL(1) },
  3: { attributes: CODE | DPL(2) },
  4: { attributes: DATA | DPL(2) },
  5: { attributes: CODE | DPL(3) },
  6: { attributes: DATA | DPL(3) },
  7: { attributes: CODE | 0x400 | DPL(1) },
  8: { attributes: (DATA & ~0x8000) | DPL(1) },
  9: { base: 0xfffff000, limit: 0xfff, attributes: DATA & ~0x800000 | DPL(1) },
  10: { attributes: DATA | 0x400 | DPL(1), limit: 0xc0001 },
  11: { attributes: DATA & ~0x400000 | DPL(1) },
  12: [KCS << 16, 0x8c00],
});
m.describe(LDT, { 1: { attributes: CODE | DPL(1) }, 2: { attributes: DATA | DPL(1) } });
assert.equal(m.useGdt(16), 0);
assert.equal(x.probe_set_ldt(page(LDT), 16), 0);
m.enter(KCS, page(3), 2, KDS, page(0) + 0x800);
assert.equal(x.load_segment(0, 2 << 3 | 5), 1); // the LDT's page is checked now, by the rules of today

const selector = fc.oneof(
  fc.constantFrom(
    0,
    3,
    KCS,
    KDS,
    UCS,
    UDS,
    0xe008,
    0xe008,
    0xe010,
    0xe010,
    0xe018,
    0xe041,
    0xe061,
    0xffff,
    0xdff9,
  ),
  fc.tuple(fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 7 })).map(([n, low]) =>
    n << 3 | low
  ),
);
const address = fc.oneof(
  fc.constantFrom(
    0,
    8,
    0xf5800000,
    0xffffffff,
    page(UNMAPPED) + 8,
    page(READ_ONLY),
    page(GDT) + 64,
  ),
  fc.integer({ min: 0, max: 0x7000 }).map((n) => BASE + n),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const byte = fc.integer({ min: 0, max: 255 });
const word = fc.integer({ min: 0, max: 0xffffffff });
const handler = fc.record({ flags: byte, cs: selector, address: address.filter((a) => a !== 0) });
const kernel = fc.record({
  handlers: fc.array(fc.tuple(fc.constantFrom(2, 6, 10, 11, 12, 13, 14), handler), {
    maxLength: 6,
  }),
  ss: selector,
  sp: address,
  callbacks: fc.tuple(selector, address, selector, address),
  assist: fc.constantFrom(0, 16),
  options: fc.constantFrom(0, 4),
  pending: byte,
  mask: byte,
});

function set(k: typeof kernel extends fc.Arbitrary<infer T> ? T : never): void {
  x.probe_options(0);
  m.enter(KCS, page(3), 2, KDS, page(0) + 0x800);
  x.do_set_trap_table(0n);
  for (const [vector, { flags, cs, address }] of k.handlers) {
    m.setTrap(vector, flags, cs, address);
  }
  x.do_stack_switch(k.ss, BigInt(k.sp));
  x.do_set_callbacks(...k.callbacks);
  x.probe_vm_assist(k.assist);
  const info = new DataView(x.memory.buffer, x.probe_vcpu_info(), 4);
  info.setUint8(0, k.pending);
  info.setUint8(1, k.mask);
}

/** Whatever was done, the processor stands in a ring that is the guest's, by segments that go with it. */
function sound(): void {
  const tables = [GDT, LDT, 10, 11, 12].map((pfn) => {
    const bytes = new Uint8Array(m.view(pfn).buffer, m.view(pfn).byteOffset, 4096);
    // accessed and dirty bits are the processor's
    const [place, bits] = pfn < 10 ? [5, 1] : [0, 0x60];
    return bytes.map((b, n) => n % 8 === place ? b & ~bits : b);
  });
  if (!kept) kept = tables;
  assert.deepEqual(tables, kept, "no table was written");
  if (x.probe_crashed()) return;
  const { cs, ss, cpl, flags } = m.state();
  assert.ok(cpl >= 1 && cpl <= 3);
  assert.equal(cs & 3, cpl);
  assert.equal(ss & 3, cpl);
  assert.ok(cs & 0xfffc && ss & 0xfffc);
  assert.equal(flags & 0x23000, 0, "neither IOPL nor VM");
  assert.equal(flags & 0x200, 0x200);
  assert.equal(m.fault(), "");
}
let kept: Uint8Array[] | null = null;

Deno.test("hostile handlers and stacks: a fault from any ring [trap.bad_stack] [trap.handler_cs] [trap.no_handler]", () => {
  const from = fc.constantFrom(
    [KCS, KDS, page(0)],
    [UCS, UDS, page(USER)],
    [0x1a, 0x22, page(USER)],
    [KCS, 0x51, page(0)],
  );
  const fault = fc.record({
    vector: fc.constantFrom(0, 1, 3, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19),
    error: fc.integer({ min: 0, max: 0xffff }),
    flags: fc.integer({ min: 0, max: 0x3fffff }),
  });
  fc.assert(
    fc.property(kernel, from, fault, (k, [cs, ss, esp], { vector, error, flags }) => {
      set(k);
      m.enter(cs, page(3), flags, ss, esp + 0x800);
      x.probe_options(k.options);
      x.probe_fault_set(vector, error);
      x.deliver_fault();
      sound();
    }),
    { numRuns: 3000 },
  );
});

Deno.test("hostile frames for the iret hypercall [iret] [trap.iret_crash] [trap.iret_vm86]", () => {
  const frame = fc.record({
    eip: address,
    cs: fc.tuple(selector, word).map(([s, high]) => (s | high & 0xffff0000) >>> 0),
    flags: word,
    esp: address,
    ss: selector,
    at: fc.constantFrom(
      page(0) + 0x800,
      page(3) + 0xfe8,
      page(3) + 0xff0,
      page(UNMAPPED),
      0xfffffff0,
    ),
  });
  fc.assert(
    fc.property(kernel, frame, (k, { eip, cs, flags, esp, ss, at }) => {
      set(k);
      m.enter(KCS, page(3), 2, KDS, at);
      m.cpu.setUint32(C_EIP, page(3) + 2, true);
      if (at < page(4)) {
        [0x77, eip, cs, flags, esp, ss].slice(0, (page(4) - at) / 4).forEach((w, n) =>
          m.put(at + n * 4, w)
        );
      }
      x.probe_options(k.options);
      x.do_iret();
      sound();
    }),
    { numRuns: 3000 },
  );
});

Deno.test("hostile gates and far transfers [descriptor.gate_use] [descriptor.gate_stack] [descriptor.far_return]", () => {
  const entry = fc.tuple(
    selector,
    address,
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 31 }),
  );
  fc.assert(
    fc.property(
      kernel,
      entry,
      selector,
      word,
      fc.constantFrom(0, 1, 2),
      fc.boolean(),
      (k, gate, to, offset, what, user) => {
        set(k);
        const [cs, at, dpl, parameters] = gate;
        const low = (cs << 16 | at & 0xffff) >>> 0;
        const checked = BigInt.asUintN(
          64,
          x.probe_check(low, (at & 0xffff0000 | 0x8c00 | dpl << 13 | parameters) >>> 0),
        );
        if (checked !== 0xffffffffffffffffn) {
          m.describe(GDT, {
            13: [Number(checked & 0xffffffffn), Number(checked >> 32n)],
          });
        }
        m.enter(user ? UCS : KCS, page(3), 2, user ? UDS : KDS, page(user ? USER : 0) + 0x800);
        const before = m.state();
        m.put(before.esp, offset);
        m.put(before.esp + 4, to);
        if (what === 0) x.insn_far_call(to, offset, 4);
        else if (what === 1) x.insn_far_jmp(to, offset);
        else x.insn_far_ret(4, 0);
        m.describe(GDT, { 13: [0, 0] });
        if (m.fault()) return assert.deepEqual(m.state(), before);
        const { cs: now, ss, cpl } = m.state();
        assert.ok(cpl >= 1 && (now & 3) === cpl && (ss & 3) === cpl);
      },
    ),
    { numRuns: 3000 },
  );
});
