/** Far returns from hostile stacks: nothing changes when one is refused. */
import assert from "node:assert/strict";
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
} from "../traps/machine.ts";

const m = await machine();
const { x } = m;
const TARGET = page(3) + 0x40, PLENTY = page(0) + 0x800, U = page(USER) + 0x100;
const BYTES = 0x800000;
const SHORT = 1 << 3 | 1, SHORT_USER = 2 << 3 | 3, SMALL_STACK = 3 << 3 | 1;
m.describe(GDT, {
  1: { limit: 0xfff, attributes: (CODE & ~BYTES) | DPL(1) },
  2: { limit: 0xfff, attributes: (CODE & ~BYTES) | DPL(3) },
  3: { base: page(0), limit: 0x1f, attributes: (DATA & ~BYTES) | DPL(1) },
});
assert.equal(m.useGdt(16), 0);

/** RETF of 32-bit words from the kernel. */
function retf(words: number[], { ss = KDS, esp = PLENTY, release = 0 } = {}): string {
  m.enter(KCS, page(3), 2, ss, esp);
  const at = ss === SMALL_STACK ? page(0) + esp : esp;
  words.forEach((word, n) => m.put(at + n * 4, word));
  const before = m.state();
  x.insn_far_ret(4, release);
  const fault = m.fault();
  if (fault) assert.deepEqual(m.state(), before);
  return fault;
}

Deno.test("a return beyond its code's limit is #GP(0), within a ring and to an outer one [descriptor.far_return]", () => {
  assert.equal(retf([0x1000, SHORT]), "d:0");
  assert.equal(retf([0x1000, SHORT_USER, U, UDS]), "d:0");
  assert.equal(retf([0xfff, SHORT]), "");
  assert.deepEqual([m.state().cs, m.state().eip], [SHORT, 0xfff]);
  assert.equal(retf([0xfff, SHORT_USER, U, UDS]), "");
  assert.deepEqual([m.state().cs, m.state().esp, m.state().cpl], [SHORT_USER, U, 3]);
  // the stack is looked at before the offset
  assert.equal(retf([0x1000, SHORT_USER, U, KDS]), "d:e020");
});

Deno.test("the outer stack's words may lie where none can be read, behind the parameters [descriptor.far_return] [trap.#PF]", () => {
  const words = [TARGET, UCS];
  assert.equal(retf(words, { esp: page(UNMAPPED) - 8 }), "e:0");
  assert.equal(x.probe_fault_address() >>> 0, page(UNMAPPED));
  assert.equal(retf([...words, 0, 0], { esp: page(UNMAPPED) - 16, release: 8 }), "e:0");
  assert.equal(x.probe_fault_address() >>> 0, page(UNMAPPED));
  const small = { ss: SMALL_STACK, esp: 0x10 };
  assert.equal(retf([...words, U, UDS], { ...small, release: 4 }), "c:0"); // a word beyond its limit
  assert.equal(retf([...words, U, UDS], small), "");
  assert.deepEqual([m.state().esp, m.state().ss], [U, UDS]);
});
