// Where Xen enters the kernel: one stub for each trap, the upcall, the failsafe callback, and the
// common way in and out.
//
// Xen pushes a frame like the processor's (§4.3), on the kernel stack if it came from ring 3, and
// leaves DS to GS alone. The stubs make a TrapFrame of it and call `trap`. The way out is the iret
// hypercall, which restores the registers, the stack and the event mask in one step.

import { HYPERCALL } from "../abi/numbers.ts";
import { TrapFrame } from "../abi/structs.ts";
import { addressOf, asm, code, ds, eax, es, esp, fs, gs, table } from "../asm/mod.ts";
import type { Callable, Value } from "../asm/mod.ts";
import { EXCEPTIONS, popSegment, SYSCALL, UPCALL, WITH_ERROR } from "./exceptions.ts";
import { hypercallSlot } from "./hypercalls.ts";
import { KERNEL_DS } from "./selectors.ts";

/** DPL 3 lets ring 3 raise the trap by INT; flag 4 enters with events masked. */
const MASKED = 4;
const fromUser = (vector: number) => vector === 3 || vector === 4 || vector === SYSCALL ? 3 : 0;

/** Makes a TrapFrame and calls `trap` with it, then goes back to where it came from. */
const commonEntry = (trap: Callable): Callable =>
  code("trap_entry", () => {
    asm.pushad();
    for (const segment of [ds, es, fs, gs]) asm.push(segment);
    asm.mov(eax, KERNEL_DS);
    asm.mov(ds, eax);
    asm.mov(es, eax);
    asm.cld();
    asm.mov(eax, esp);
    asm.push(eax);
    asm.call(trap);
    asm.add(esp, 4);
    for (const segment of [gs, fs, es, ds]) popSegment(segment);
    asm.popad();
    asm.add(esp, TrapFrame.offsets.eip - TrapFrame.offsets.vector);
    asm.jmp(hypercallSlot(HYPERCALL.iret));
  });

/** Where a kernel is entered. */
export interface Entries {
  /** The list for set_trap_table, ended by an entry without address. */
  trapTable: Value;
  /** Xen enters here when an event is pending and not masked. */
  upcall: Callable;
}

/** The entries of a kernel with code segment `cs`, which all lead to `trap`. */
export function entriesTo(trap: Callable, cs: number): Entries {
  const common = commonEntry(trap);
  const entry = (name: string, vector: number): Callable =>
    code(name, () => {
      if (!WITH_ERROR.includes(vector)) asm.push(0);
      asm.push(vector);
      asm.jmp(common);
    });
  const trapTable = table("trap_table", () => [
    ...[...Object.entries(EXCEPTIONS), [SYSCALL, "system_call"]].flatMap(([v, name]) => {
      const vector = Number(v);
      const flags = fromUser(vector) | MASKED;
      return [vector | flags << 8 | cs << 16, addressOf(entry(String(name), vector).label)];
    }),
    0,
    0,
  ]);
  return { trapTable, upcall: entry("event_callback", UPCALL) };
}

/**
 * Xen enters here when a segment register could not be reloaded for this vCPU. The frame begins
 * with the four selectors as they should be: take what loads, null for what does not.
 */
export const failsafeEntry = code("failsafe_callback", () => {
  for (const segment of [ds, es, fs, gs]) popSegment(segment);
  asm.jmp(hypercallSlot(HYPERCALL.iret));
});
