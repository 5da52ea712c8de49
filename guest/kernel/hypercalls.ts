// The hypercall page and one function for each hypercall, called through its slot there.
//
// The builder fills the page before the guest starts (note HYPERCALL_PAGE); slot n is 32 bytes at
// n * 32. Arguments go in EBX, ECX, EDX, ESI, EDI, the result comes in EAX.

import { HYPERCALL } from "../abi/numbers.ts";
import {
  addressOf,
  asm,
  code,
  dword,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  Label,
  unit,
} from "../asm/mod.ts";
import type { Callable, Given, Reg } from "../asm/mod.ts";
import type { Value } from "../asm/mod.ts";

const SLOTS = 128, SLOT_SIZE = 32;

const page: Label = new Label("hypercall_page", () => {
  unit().define(page, "bss", 4096, () => {
    for (const slot of slots) {
      unit().section.label(slot);
      unit().section.reserve(SLOT_SIZE);
    }
  });
}, "object");
const slots = Array.from(
  { length: SLOTS },
  (_, n) => new Label(`hypercall_page+${n * SLOT_SIZE}`, () => unit().refer(page)),
);

export const hypercallPage: Value = addressOf(page);
/** The code in the page that makes hypercall `number`. */
export const hypercallSlot = (number: number): Label => slots[number];

const ARGUMENTS = [ebx, ecx, edx, esi, edi];
const PRESERVED = [ebx, esi, edi];

function stub(
  name: keyof typeof HYPERCALL,
  arity: number,
): Callable & ((...args: Given[]) => Value) {
  return code(`HYPERVISOR_${name}`, () => {
    const used = ARGUMENTS.slice(0, arity);
    const saved = PRESERVED.filter((r: Reg) => used.includes(r));
    for (const r of saved) asm.push(r);
    used.forEach((r, i) => asm.mov(r, dword(esp, 4 * (saved.length + 1 + i))));
    asm.call(hypercallSlot(HYPERCALL[name]));
    for (const r of [...saved].reverse()) asm.pop(r);
    asm.ret();
  });
}

type H1 = Callable & ((a: Given) => Value);
type H2 = Callable & ((a: Given, b: Given) => Value);
type H3 = Callable & ((a: Given, b: Given, c: Given) => Value);
type H4 = Callable & ((a: Given, b: Given, c: Given, d: Given) => Value);

/** (table) */
export const set_trap_table: H1 = stub("set_trap_table", 1);
/** (requests, count, done or 0, foreign domain) */
export const mmu_update: H4 = stub("mmu_update", 4);
/** (frame list, entries) */
export const set_gdt: H2 = stub("set_gdt", 2);
/** (ss, esp) */
export const stack_switch: H2 = stub("stack_switch", 2);
/** (1 to have the next FPU instruction trap, else 0) */
export const fpu_taskswitch: H1 = stub("fpu_taskswitch", 1);
/** (machine address low, high, descriptor low, high) */
export const update_descriptor: H4 = stub("update_descriptor", 4);
/** (entries, count) */
export const multicall: H2 = stub("multicall", 2);
/** (virtual address, pte low, pte high, flags) */
export const update_va_mapping: H4 = stub("update_va_mapping", 4);
/** (deadline low, high), in ns of system time; 0 cancels */
export const set_timer_op: H2 = stub("set_timer_op", 2);
/** (command, argument) */
export const xen_version: H2 = stub("xen_version", 2);
/** (command, count, buffer) */
export const console_io: H3 = stub("console_io", 3);
/** (command, structures, count) */
export const grant_table_op: H3 = stub("grant_table_op", 3);
/** (command, vcpu, argument) */
export const vcpu_op: H3 = stub("vcpu_op", 3);
/** (operations, count, done or 0, foreign domain) */
export const mmuext_op: H4 = stub("mmuext_op", 4);
/** (command, argument) */
export const sched_op: H2 = stub("sched_op", 2);
/** (command, argument) */
export const callback_op: H2 = stub("callback_op", 2);
/** (command, argument) */
export const event_channel_op: H2 = stub("event_channel_op", 2);
