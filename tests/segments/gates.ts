/** What the tests of hostile gates share: a table of gates of every kind, and calls through them. */
import assert from "node:assert/strict";
import { C_EIP } from "../../core/wasm/layout.ts";
import { CODE, DATA, DPL, GDT, KCS, KDS, machine, page, UCS, UDS, USER } from "../traps/machine.ts";

export const m = await machine();
const { x } = m;
const TARGET = page(3) + 0x40, NEXT = page(3) + 7;
export const KERNEL_TOP = page(2);
const ABSENT = 0x8000, BYTES = 0x800000, DOWN = 0x400;
/** Xen names the address of a stack fault so much too high (golden gate.p1_bad_ustack). */
const SKEW = 18;

export const gate = (target: number, high: number): [number, number] => [
  (target << 16 | TARGET & 0xffff) >>> 0,
  (TARGET & 0xffff0000 | high) >>> 0,
];
/** A stack of ring 3, as entry 9 has it. */
export const USER_STACK = { attributes: DATA | DPL(3) };
/** Gates from ring 3: to the kernel, with two parameters, to ring 2, within ring 3, to a target in the LDT. */
export const PLAIN = 0x83, TWO = 0x8b, RING2 = 0x93, SAME = 0x9b, INTO_LDT = 0xa3;
m.describe(GDT, {
  3: { attributes: CODE | DPL(3) },
  4: { attributes: CODE | DPL(2) },
  5: { attributes: (CODE & ~ABSENT) | DPL(1) },
  6: { limit: 0xfff, attributes: (CODE & ~BYTES) | DPL(1) },
  7: { attributes: (DATA & ~ABSENT) | DPL(1) },
  8: { base: page(0), limit: 0x1f, attributes: (DATA & ~BYTES) | DPL(1) },
  9: USER_STACK,
  10: { base: page(USER), limit: 0x7ff, attributes: (DATA & ~BYTES) | DPL(3) },
  11: { limit: 0xc0000, attributes: DATA | DOWN | DPL(1) },
  16: gate(KCS, 0xec00),
  17: gate(KCS, 0xec02),
  18: gate(4 * 8, 0xec00),
  19: gate(3 * 8, 0xec00),
  20: gate(8 | 4, 0xec00),
  21: gate(5 * 8, 0xec00),
  22: gate(6 * 8, 0xec00),
  23: gate(0, 0xec00),
  24: gate(0x1000, 0xec00),
  25: gate(KCS, 0xac00), // for ring 1
  // not present, so nobody looked at them: the DPL of a checked one stands in the target's RPL
  26: gate(KCS | 3, 0x0c00),
  27: gate(KCS | 3, 0x2c00),
  28: gate(KCS, 0x0c00),
});
assert.equal(m.useGdt(512), 0);

interface Try {
  selector: number;
  kernel?: [ss: number, sp: number];
  /** Ring 3's stack, or with ring 1 that one's. */
  ss?: number;
  esp?: number;
  ring?: 1 | 3;
  /** What another vCPU does once the stack is loaded. */
  then?: () => void;
}

/** Calls through a gate, which must change no register: the fault, with CR2 if there is one. */
export function refused(
  { selector, kernel = [KDS, KERNEL_TOP], ss, esp, ring = 3, then }: Try,
): string {
  x.do_stack_switch(kernel[0], BigInt(kernel[1]));
  const user = ring === 3;
  ss ??= user ? UDS : KDS;
  m.enter(user ? UCS : KCS, page(3), 2, ss, esp ?? page(user ? USER : 0) + 0x800);
  m.cpu.setUint32(C_EIP, NEXT, true);
  then?.();
  const before = m.state();
  x.insn_far_call(selector, 0, 4);
  assert.deepEqual(m.state(), before);
  const fault = m.fault();
  return fault.startsWith("e:")
    ? `${fault} ${(x.probe_fault_address() >>> 0).toString(16)}`
    : fault;
}
export const at = (address: number) => (address + SKEW).toString(16);

/** Neither the kernel's stack nor the one that ring 1 is on may be touched. */
export function untouched(work: () => void): void {
  const words = [4, 8, 12, 16, 20, 24].flatMap((n) => [KERNEL_TOP - n, page(0) + 0x800 - n]);
  words.forEach((word) => m.put(word, 0x5a5a5a5a));
  work();
  assert.deepEqual(words.map((word) => m.word(word)), words.map(() => 0x5a5a5a5a));
}
