/** INT n from rings 1 and 3 against the guest's trap table; the iret hypercall and its refusals. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { C_EIP, R_AX } from "../../core/wasm/layout.ts";
import { KCS, KDS, machine, page, READ_ONLY, UCS, UDS, UNMAPPED, USER } from "./machine.ts";

const m = await machine();
const { x } = m;
const HANDLER = page(1);
const INSTRUCTION = page(3) + 0x10;
const NEXT = INSTRUCTION + 2;

function interrupt(vector: number, user: boolean): string {
  m.enter(
    user ? UCS : KCS,
    INSTRUCTION,
    2,
    user ? UDS : KDS,
    user ? page(USER) + 0x800 : page(0) + 0x800,
  );
  m.cpu.setUint32(C_EIP, NEXT, true);
  x.probe_record(vector, 0);
  x.insn_int();
  return m.fault();
}

Deno.test("INT n goes to the guest's handler or is #GP(n * 8 + 2), by the entry's DPL [trap.int]", () => {
  const vectors = fc.integer({ min: 0, max: 255 }).filter((v) => v !== 0x82);
  fc.assert(
    fc.property(vectors, fc.integer({ min: 0, max: 7 }), fc.boolean(), (vector, flags, user) => {
      m.setMask(0);
      m.setTrap(vector, flags, KCS, HANDLER);
      const direct = vector === 3 || vector === 4 || vector === 0x80;
      const allowed = direct || (flags & 3) >= (user ? 3 : 1);
      const fault = interrupt(vector, user);
      if (!allowed) {
        assert.equal(fault, "d:" + (vector * 8 + 2).toString(16));
        assert.equal(m.state().eip, NEXT); // nothing moved
        return;
      }
      assert.equal(fault, "");
      const { eip, esp } = m.state();
      assert.equal(eip, HANDLER);
      assert.equal(m.word(esp), NEXT); // no error code, whatever the vector
      assert.equal(m.word(esp + 4), user ? UCS : KCS);
      assert.equal(m.word(esp + 8), (direct ? 0x202 : 0x10202) >>> 0);
      assert.equal(m.mask(), flags & 4 ? 1 : 0);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("INT 0x80 without a handler is #GP, INT 0x82 from ring 3 too [trap.int80] [trap.int82]", () => {
  x.do_set_trap_table(0n);
  assert.equal(interrupt(0x80, false), "d:402");
  assert.equal(interrupt(0x80, true), "d:402");
  assert.equal(interrupt(0x82, true), "d:412");
});

/** Puts a frame at the kernel's stack top and runs the iret hypercall on it. */
function iret(words: number[], esp = page(0) + 0x800): void {
  m.enter(KCS, INSTRUCTION, 0x202, KDS, esp);
  if (esp < page(4)) words.forEach((w, n) => m.put(esp + n * 4, w));
  x.do_iret();
}

Deno.test("iret goes to ring 1 with the stack above the frame, to ring 3 with the frame's stack [iret]", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0x3dffff }),
      fc.boolean(),
      fc.integer({ min: 0, max: 0xffff }),
      (flags, user, high) => {
        m.setTrap(13, 0, KCS, HANDLER);
        flags &= ~0x20000; // VM
        m.setMask(0x55);
        const cs = (user ? UCS : KCS) | (high << 16); // the mask byte may be in the CS word
        iret([0x1234abcd, INSTRUCTION + 8, cs, flags, page(USER) + 0x700, UDS | (high << 16)]);
        assert.equal(x.probe_crashed(), 0);
        const s = m.state();
        assert.equal(s.eip, INSTRUCTION + 8);
        assert.equal(s.cs, user ? UCS : KCS);
        assert.equal(s.cpl, user ? 3 : 1);
        assert.equal(s.esp, user ? page(USER) + 0x700 : page(0) + 0x810);
        assert.equal(m.cpu.getUint32(R_AX, true), 0x1234abcd);
        assert.equal(m.mask(), flags & 0x200 ? 0 : 1);
        assert.equal(s.flags & 0x203000, (flags & 0x200000) >>> 0); // no IOPL
        assert.equal(s.flags & 0x202, 0x202);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("iret for ring 0, or from a frame that cannot be read, ends the domain [trap.iret_crash]", () => {
  for (const cs of [0, 0xe018, 0xe008, 4]) {
    iret([0, INSTRUCTION, cs, 2, 0, 0]);
    assert.equal(x.probe_crashed(), 1, cs.toString(16));
  }
  iret([], page(UNMAPPED) + 0x10);
  assert.equal(x.probe_crashed(), 1);
  iret([], page(UNMAPPED) - 8); // cut by the page's end
  assert.equal(x.probe_crashed(), 1);
});

Deno.test("iret to bad segments is the target's own fault, on the stack of the target's ring [iret]", () => {
  const cases: [number, number, string, number][] = [
    [0x1233, UDS, "1230", 0x1233],
    [UCS, 0x1234, "1234", UCS],
    [UCS, 0, "0", UCS],
    [UCS, KDS, "e020", UCS],
    [0x19, 0, "18", 0x19],
    [KDS, 0, "e020", KDS],
  ];
  for (const [cs, ss, error, shown] of cases) {
    m.setTrap(13, 0, KCS, HANDLER);
    iret([7, INSTRUCTION, cs, 0x202, page(USER) + 0x80, ss]);
    assert.equal(x.probe_crashed(), 0);
    const { eip, esp } = m.state();
    assert.equal(eip, HANDLER);
    const user = (cs & 2) !== 0;
    assert.equal(esp, user ? page(2) - 24 : page(0) + 0x810 - 16);
    assert.equal(m.word(esp).toString(16), error);
    assert.equal(m.word(esp + 4), INSTRUCTION);
    assert.equal(m.word(esp + 8) & 0xffff, shown);
    assert.equal(m.word(esp + 12), 0x202); // no RF
  }
});

Deno.test("iret with VM set: the frame is copied below kernel_sp and #GP(0) starts on it [trap.iret_vm86]", () => {
  m.setTrap(13, 4, KCS, HANDLER);
  const frame = [0xabcd, INSTRUCTION, UCS, 0x20202, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66];
  iret(frame);
  assert.equal(x.probe_crashed(), 0);
  const { eip, esp, ss } = m.state();
  assert.equal(eip, HANDLER);
  assert.equal(ss, KDS);
  assert.equal(esp, page(2) - 40);
  assert.deepEqual(frame.map((_, n) => m.word(esp + n * 4)), [0, ...frame.slice(1)]);
  assert.equal(m.mask(), 1); // the #GP entry masks events
  assert.equal(m.cpu.getUint32(R_AX, true), 0xabcd);
  x.do_stack_switch(KDS, BigInt(page(READ_ONLY) + 0x100));
  iret(frame);
  assert.equal(x.probe_crashed(), 1);
  x.do_stack_switch(KDS, BigInt(page(2)));
});

Deno.test("INT 0x80 through an entry with no selector: #GP, but what its DPL allows ends the domain [trap.int80] [trap.no_handler]", () => {
  for (const user of [false, true]) {
    for (const dpl of [0, 1, 2, 3]) {
      m.setTrap(0x80, dpl, 0, HANDLER);
      const allowed = dpl >= (user ? 3 : 1);
      assert.equal(interrupt(0x80, user), allowed ? "" : "d:402");
      assert.equal(x.probe_crashed(), allowed ? 1 : 0);
    }
  }
});
