/** Hostile gates and the stacks they are to push on: what each refusal says, and that it leaves all as it was (pv-abi §8.5). */
import assert from "node:assert/strict";
import {
  CODE,
  DATA,
  DPL,
  GDT,
  KCS,
  KDS,
  LDT,
  page,
  READ_ONLY,
  UCS,
  UDS,
  UNMAPPED,
  USER,
} from "../traps/machine.ts";
import {
  at,
  gate,
  INTO_LDT,
  KERNEL_TOP,
  m,
  PLAIN,
  refused,
  RING2,
  SAME,
  TWO,
  untouched,
  USER_STACK,
} from "./gates.ts";

const { x } = m;

Deno.test("an absent gate is #NP if its RPL's ring may use it; one with a DPL of its own is none [descriptor.gate_use] [trap.#NP]", () => {
  assert.equal(refused({ selector: 0xd3 }), "b:d0");
  assert.equal(refused({ selector: 0xdb }), "d:d8");
  assert.equal(refused({ selector: 0xdb, ring: 1 }), "d:d8"); // DPL 1, RPL 3
  assert.equal(refused({ selector: 0xd9, ring: 1 }), "b:d8"); // the processor's own #NP
  assert.equal(refused({ selector: 0xe3 }), "d:e0"); // for ring 1
  assert.equal(refused({ selector: 0xe3, ring: 1 }), "b:e0"); // the RPL is asked later
  assert.equal(refused({ selector: 0xcb, ring: 1 }), "d:c8");
});

Deno.test("a gate's target is judged before anything is pushed [descriptor.gate_use]", () => {
  untouched(() => {
    assert.equal(refused({ selector: 0xab }), "b:28");
    assert.equal(refused({ selector: 0xb3 }), "d:0"); // the offset is beyond its limit
    assert.equal(refused({ selector: 0xc3 }), "d:1000"); // beyond the table
    assert.equal(refused({ selector: SAME & ~2, ring: 1 }), "d:18"); // outwards
    // a null selector is no way to entry 0, whatever is there
    m.describe(GDT, { 0: { attributes: CODE | DPL(1) } });
    assert.equal(refused({ selector: 0xbb }), "d:0");
    m.describe(GDT, { 0: [0, 0] });
    // ring 2 has no stack
    assert.equal(refused({ selector: RING2 }), "d:90");
    // an LDT page that cannot be used is no #PF in an emulation
    assert.equal(x.probe_set_ldt(page(UNMAPPED), 16), 0);
    assert.equal(refused({ selector: INTO_LDT }), "d:c");
    assert.equal(x.probe_set_ldt(0, 0), 0);
  });
});

Deno.test("the kernel's stack is judged before anything is pushed, too [descriptor.gate_stack] [trap.#TS]", () => {
  untouched(() => {
    const kernel = (ss: number, sp = KERNEL_TOP) => refused({ selector: PLAIN, kernel: [ss, sp] });
    assert.equal(kernel(KDS | 2), "a:e020");
    assert.equal(kernel(UDS & ~2), "a:e030");
    assert.equal(kernel(0x1001), "a:1000");
    m.describe(GDT, { 0: { attributes: DATA | DPL(1) } });
    assert.equal(kernel(1), "a:0");
    m.describe(GDT, { 0: [0, 0] });
    assert.equal(x.probe_set_ldt(page(UNMAPPED), 16), 0);
    assert.equal(kernel(8 | 5), "a:c");
    assert.equal(x.probe_set_ldt(0, 0), 0);
    assert.equal(kernel(7 * 8 | 1), "c:38");
    // one that grows down ends above its limit
    assert.equal(kernel(11 * 8 | 1, page(1) + 12), "c:58");
    // parameters need room as well
    assert.equal(refused({ selector: TWO, kernel: [8 * 8 | 1, 0x14] }), "c:40");
    assert.equal(refused({ selector: TWO, kernel: [KDS, 0xf5800004] }), "d:88");
  });
  x.do_stack_switch(11 * 8 | 1, BigInt(page(1) + 16)); // just enough room
  m.enter(UCS, page(3), 2, UDS, page(USER) + 0x800);
  x.insn_far_call(PLAIN, 0, 4);
  assert.deepEqual([m.fault(), m.state().ss, m.state().esp], ["", 11 * 8 | 1, page(1)]);
});

Deno.test("each word pushed may fault, and CR2 names it [descriptor.gate_stack] [trap.#PF]", () => {
  const top = page(READ_ONLY + 1); // the word below cannot be written
  for (let n = 0; n < 6; n++) {
    const kernel: [number, number] = [KDS, top + 4 * n];
    assert.equal(refused({ selector: TWO, kernel }), `e:6 ${at(top - 4)}`, `word ${n}`);
  }
  for (let n = 0; n < 2; n++) {
    const esp = top + 4 * n;
    assert.equal(refused({ selector: PLAIN, ring: 1, esp }), `e:2 ${at(top - 4)}`);
    assert.equal(refused({ selector: SAME, esp }), `e:6 ${at(top - 4)}`);
  }
});

/** What makes the caller's stack, loaded from entry 9 or the LDT's 2, one that is not to be read. */
const SPOILT: [string, number, () => void][] = [
  ["the kernel's", 9 * 8 | 3, () => m.describe(GDT, { 9: { attributes: DATA | DPL(1) } })],
  ["gone with the LDT", 0x17, () => x.probe_set_ldt(0, 0)],
  ["in an LDT page that is not there", 0x17, () => x.probe_set_ldt(page(UNMAPPED), 16)],
];
const spoilt = (selector: number, ss: number, then: () => void) => {
  m.describe(GDT, { 9: USER_STACK });
  m.describe(LDT, { 2: USER_STACK });
  assert.equal(x.probe_set_ldt(page(LDT), 16), 0);
  const fault = refused({ selector, ss, then });
  m.describe(GDT, { 9: USER_STACK });
  assert.equal(x.probe_set_ldt(0, 0), 0);
  return fault;
};

Deno.test("parameters are not read from a stack that is the caller's no more [descriptor.gate_stack]", () => {
  const cases: typeof SPOILT = [
    ...SPOILT,
    ["read-only", 9 * 8 | 3, () => m.describe(GDT, { 9: { attributes: 0xc0f100 } })],
    ["code", 9 * 8 | 3, () => m.describe(GDT, { 9: { attributes: CODE | DPL(3) } })],
  ];
  for (const [what, ss, then] of cases) assert.equal(spoilt(TWO, ss, then), "d:88", what);
  for (const [what, ss, then] of SPOILT) assert.equal(spoilt(SAME, ss, then), "d:98", what);
});

Deno.test("nor from the hypervisor's part, nor beyond the caller's limit, for which Xen takes the new ESP [descriptor.gate_stack]", () => {
  const based = { ss: 10 * 8 | 3, esp: 0x400 };
  assert.equal(refused({ selector: TWO, esp: 0xf57ffffc }), "d:88");
  assert.equal(refused({ selector: TWO, esp: 0xf57ffff8 }), `e:4 ${at(0xf57ffffc)}`);
  assert.equal(refused({ selector: TWO, ...based }), "d:88");
  m.put(page(USER) + 0x400, 0x2222);
  m.put(page(USER) + 0x404, 0x1111);
  x.do_stack_switch(8 * 8 | 1, 0x20n); // offsets that both stacks have
  m.enter(UCS, page(3), 2, based.ss, based.esp);
  x.insn_far_call(TWO, 0, 4);
  assert.equal(m.fault(), "");
  assert.deepEqual([8, 12, 16].map((n) => m.word(page(0) + 8 + n)), [0x2222, 0x1111, 0x400]);
});

Deno.test("a gate within the ring needs room on the stack in use: #SS(0), and #GP in the hypervisor's part [descriptor.gate_stack]", () => {
  assert.equal(refused({ selector: SAME, esp: 4 }), "c:0");
  assert.equal(refused({ selector: SAME, ss: 10 * 8 | 3, esp: 0x801 }), "c:0");
  assert.equal(refused({ selector: SAME, esp: 0xf5800004 }), "d:98");
  assert.equal(refused({ selector: SAME, esp: 0xf5800000 }), `e:6 ${at(0xf57ffffc)}`);
});

Deno.test("by the rules of 2007 the processor goes through: its own stack, its own order, its page faults [limits_2007.dpl]", () => {
  x.probe_options(4);
  m.describe(GDT, {
    17: gate(KCS, 0xec02),
    19: gate(3 * 8 | 3, 0xec00),
    20: gate(8 | 5, 0xec00),
    28: gate(KCS, 0x2c00),
  });
  assert.equal(refused({ selector: 0xe3, ring: 1 }), "d:e0");
  assert.equal(x.probe_set_ldt(page(UNMAPPED), 16), 0);
  assert.equal(refused({ selector: INTO_LDT }), `e:4 ${(page(UNMAPPED) + 8).toString(16)}`);
  // each push with the rights of the ring whose stack it is
  const top = page(READ_ONLY + 1);
  const pushed = (address: number) => (address - 4).toString(16);
  assert.equal(refused({ selector: TWO, kernel: [KDS, top] }), `e:3 ${pushed(top)}`);
  const kernels = page(0) + 0x800;
  assert.equal(refused({ selector: SAME, esp: kernels }), `e:7 ${pushed(kernels)}`);
  x.do_stack_switch(KDS, BigInt(KERNEL_TOP));
  m.enter(UCS, page(3), 2, 10 * 8 | 3, 0x400);
  x.insn_far_call(TWO, 0, 4);
  assert.equal(m.fault(), "");
  assert.deepEqual([m.word(KERNEL_TOP - 16), m.word(KERNEL_TOP - 12)], [0x2222, 0x1111]);
  x.probe_options(0);
});
