/** Far JMP, CALL and RET, and call gates: checks, pushed words, stacks; nothing changes on a fault. */
import assert from "node:assert/strict";
import { C_EIP } from "../../core/wasm/layout.ts";
import {
  CODE,
  DATA,
  DPL,
  GDT,
  KCS,
  KDS,
  machine,
  page,
  READ_ONLY,
  type SegmentShape,
  UCS,
  UDS,
  UNMAPPED,
  USER,
} from "../traps/machine.ts";

const m = await machine();
const { x } = m;
const TARGET = page(3) + 0x40;
const NEXT = page(3) + 7;
const KERNEL_TOP = page(2);

/** A call gate, as a guest writes it. */
function gate(
  selector: number,
  dpl: number,
  options: { parameters?: number; offset?: number } = {},
): [number, number] {
  const { parameters = 0, offset = TARGET } = options;
  return [
    (selector << 16) | (offset & 0xffff),
    (offset & 0xffff0000) | 0x8c00 | DPL(dpl) | parameters,
  ];
}
const ABSENT = 0x8000;
const table: Record<number, SegmentShape | [number, number]> = {
  0: { attributes: CODE | DPL(1) }, // which no selector names
  1: { attributes: CODE | DPL(1) },
  2: { attributes: DATA | DPL(1) },
  3: { attributes: CODE | DPL(3) },
  4: { attributes: CODE | 0x400 | DPL(1) }, // conforming
  5: { attributes: (CODE & ~ABSENT) | DPL(1) },
  6: { limit: 0xfff, attributes: (CODE & ~0x800000) | DPL(1) },
  7: { attributes: (DATA & ~ABSENT) | DPL(1) },
  8: { base: page(0), limit: 0x1f, attributes: (DATA & ~0x800000) | DPL(1) },
  9: [0, 0x6900], // a TSS, not present
  16: gate(KCS, 3),
  17: gate(KCS, 1),
  18: gate(0x08, 3, { parameters: 2 }),
  19: [gate(KCS, 3)[0], 0x6c00], // not present, DPL 3 of its own
  20: gate(0x18, 3),
  21: gate(0x10, 3), // data
  22: gate(0x68, 3), // nothing there
  23: gate(0x28, 3), // code not present
  24: gate(0x30, 3), // code too short for the offset
  25: gate(0, 3),
  26: gate(0x20, 3),
  27: gate(0xdff8, 3),
};
m.describe(GDT, table);
assert.equal(m.useGdt(512), 0);

function from(user: boolean, esp = 0): void {
  x.do_stack_switch(KDS, BigInt(KERNEL_TOP));
  m.enter(
    user ? UCS : KCS,
    page(3),
    2,
    user ? UDS : KDS,
    esp || (user ? page(USER) : page(0)) + 0x800,
  );
  m.cpu.setUint32(C_EIP, NEXT, true);
}

type Transfer = (selector: number, offset: number) => void;
const jump: Transfer = (s, o) => x.insn_far_jmp(s, o);
const call: Transfer = (s, o) => x.insn_far_call(s, o, 4);

/** Runs a transfer that must fault and leave everything as it was. */
function refused(
  user: boolean,
  transfer: Transfer,
  selector: number,
  offset: number,
  esp = 0,
): string {
  from(user, esp);
  const before = m.state();
  x.insn_lar(user ? 0x18 : 0x08); // the descriptor read before would do
  transfer(selector, offset);
  assert.deepEqual(m.state(), before);
  return m.fault();
}

Deno.test("direct far transfers refuse what the manual refuses [descriptor.far_jump]", () => {
  const cases: [string, boolean, number, number][] = [
    ["d:0", false, 0, TARGET],
    ["d:0", false, 3, TARGET],
    ["d:1008", false, 0x1009, TARGET],
    ["d:10", false, 0x11, TARGET],
    ["d:68", false, 0x69, TARGET],
    ["d:8", false, 0x0b, TARGET], // RPL above CPL
    ["d:18", false, 0x1b, TARGET], // ring 3 code from ring 1
    ["d:8", true, 0x09, TARGET], // and the other way round
    ["b:28", false, 0x29, TARGET],
    ["d:48", false, 0x49, TARGET], // its type counts first
    ["d:0", false, 0x31, 0x1000],
    ["d:e040", false, 0xe043, TARGET],
    ["d:e008", false, 0xe008, TARGET],
  ];
  for (const [expected, user, selector, offset] of cases) {
    for (const transfer of [jump, call]) {
      assert.equal(refused(user, transfer, selector, offset), expected, selector.toString(16));
    }
  }
  assert.equal(refused(false, call, KCS, TARGET, page(UNMAPPED) + 4), "e:2");
  assert.equal(refused(false, call, KCS, TARGET, page(READ_ONLY) + 0x20), "e:3");
  assert.equal(refused(true, call, UCS, TARGET, page(0) + 0x20), "e:7");
});

Deno.test("CS takes the current ring as its RPL; CALL pushes CS and the next EIP", () => {
  for (
    const [user, selector, shown] of [
      [false, 0x08, 0x09],
      [false, 0x20, 0x21],
      [true, 0x20, 0x23],
      [true, 0x1b, 0x1b],
    ] as const
  ) {
    from(user);
    jump(selector, TARGET);
    assert.equal(m.fault(), "");
    assert.deepEqual([m.state().cs, m.state().eip], [shown, TARGET]);

    from(user);
    call(selector, TARGET);
    const { cs, esp } = m.state();
    assert.equal(cs, shown);
    assert.deepEqual([m.word(esp), m.word(esp + 4)], [NEXT, user ? UCS : KCS]);

    x.insn_far_ret(4, 0x10); // and back, dropping parameters
    assert.equal(m.fault(), "");
    assert.deepEqual([m.state().cs, m.state().eip, m.state().esp], [
      user ? UCS : KCS,
      NEXT,
      esp + 8 + 0x10,
    ]);
  }
});

Deno.test("RET to ring 3 takes SS:ESP from beyond the parameters and drops them there too [descriptor.far_return]", () => {
  from(false);
  const esp = m.state().esp;
  [TARGET, UCS, 0xdead, 0xbeef, page(USER) + 0x100, UDS].forEach((w, n) => m.put(esp + n * 4, w));
  x.insn_far_ret(4, 8);
  assert.equal(m.fault(), "");
  const s = m.state();
  assert.deepEqual([s.cs, s.ss, s.esp, s.cpl], [UCS, UDS, page(USER) + 0x108, 3]);
});

Deno.test("a gate from ring 3 enters ring 1 on the kernel's stack [descriptor.gate_use] [descriptor.call_gate]", () => {
  for (const selector of [0x83, 0x80]) {
    from(true);
    call(selector, 0x12345678); // the instruction's own offset plays no part
    assert.equal(m.fault(), "");
    const s = m.state();
    assert.deepEqual([s.cs, s.eip, s.ss, s.esp, s.cpl], [KCS, TARGET, KDS, KERNEL_TOP - 16, 1]);
    assert.deepEqual([0, 4, 8, 12].map((n) => m.word(s.esp + n)), [
      NEXT,
      UCS,
      page(USER) + 0x800,
      UDS,
    ]);
  }
});

Deno.test("a gate copies parameters, the last pushed first [descriptor.gate_use]", () => {
  from(true);
  m.put(page(USER) + 0x800, 0x2222);
  m.put(page(USER) + 0x804, 0x1111);
  call(0x93, 0);
  const { esp, cs } = m.state();
  assert.equal(cs, 0x09);
  assert.deepEqual(
    [0, 4, 8, 12, 16, 20].map((n) => m.word(esp + n)),
    [NEXT, UCS, 0x2222, 0x1111, page(USER) + 0x800, UDS],
  );
  // parameters that cannot be read: #PF, CR2 as Xen miscounts it
  assert.equal(refused(true, call, 0x93, 0, page(UNMAPPED) + 0x20), "e:4");
  assert.equal(x.probe_fault_address() >>> 0, page(UNMAPPED) + 0x24 + 18);
});

Deno.test("a gate within a ring pushes on the current stack, and JMP pushes nothing", () => {
  from(false);
  call(0x81, 0);
  assert.deepEqual([m.state().cs, m.state().eip, m.state().esp], [KCS, TARGET, page(0) + 0x7f8]);
  assert.deepEqual([m.word(page(0) + 0x7f8), m.word(page(0) + 0x7fc)], [NEXT, KCS]);
  from(false);
  jump(0x81, 0);
  assert.deepEqual([m.state().cs, m.state().esp], [KCS, page(0) + 0x800]);
  from(true);
  call(0xa3, 0); // to ring 3 code
  assert.deepEqual([m.state().cs, m.state().esp, m.state().cpl], [0x1b, page(USER) + 0x7f8, 3]);
  from(true);
  call(0xd3, 0); // to conforming code of ring 1: Xen enters that ring
  assert.deepEqual([m.state().cs, m.state().cpl], [0x21, 1]);
});

Deno.test("gates refuse callers and targets", () => {
  const cases: [string, boolean, Transfer, number][] = [
    ["d:88", true, call, 0x8b],
    ["d:88", false, call, 0x8b], // DPL 1 for ring 3, for RPL 3
    ["b:98", true, call, 0x9b],
    ["d:e018", true, jump, 0x83], // not present; JMP inward
    ["d:10", true, call, 0xab],
    ["d:68", true, call, 0xb3],
    ["b:28", true, call, 0xbb],
    ["d:0", true, call, 0xc3],
    ["d:0", true, call, 0xcb],
    ["d:dff8", true, call, 0xdb],
    ["d:18", false, call, 0xa1], // outward
  ];
  for (const [expected, user, transfer, selector] of cases) {
    assert.equal(refused(user, transfer, selector, 0), expected, selector.toString(16));
  }
});

Deno.test("gates refuse bad kernel stacks [descriptor.gate_stack] [trap.#TS]", () => {
  const cases: [string, number, number][] = [
    ["a:0", 0, KERNEL_TOP],
    ["a:e018", KCS, KERNEL_TOP],
    ["a:e030", UDS, KERNEL_TOP],
    ["a:68", 0x69, KERNEL_TOP],
    ["a:8", 0x09, KERNEL_TOP],
    ["c:38", 0x39, KERNEL_TOP],
    ["c:40", 0x41, 0x21],
    ["c:40", 0x41, 0xc],
    ["c:e020", KDS, 8],
    ["e:6", KDS, page(UNMAPPED) + 0x20],
    ["e:6", KDS, page(READ_ONLY) + 0x20],
    ["d:80", KDS, 0xf5800010],
  ];
  for (const [expected, ss, sp] of cases) {
    from(true);
    x.do_stack_switch(ss, BigInt(sp));
    const before = m.state();
    call(0x83, 0);
    assert.deepEqual(m.state(), before);
    assert.equal(m.fault(), expected, ss.toString(16) + ":" + sp.toString(16));
  }
  from(true);
  x.do_stack_switch(0x41, 0x20n); // a based stack with just enough room
  call(0x83, 0);
  assert.equal(m.fault(), "");
  assert.equal(m.word(page(0) + 0x10), NEXT);
});
