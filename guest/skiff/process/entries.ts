// Where traps and upcalls enter the kernel, and the one way out.
//
// Each entry makes a TrapFrame of what the hypervisor pushed and calls `trap` with it. The way out
// restores what the frame holds and leaves by the cpu operation for it.

import { TrapFrame } from "../../abi/structs.ts";
import {
  address,
  asm,
  bind,
  code,
  ds,
  dword,
  eax,
  es,
  esp,
  fs,
  gs,
  Label,
  ss,
  word,
} from "../../asm/mod.ts";
import type { Callable } from "../../asm/mod.ts";
import { EXCEPTIONS, popSegment, SYSCALL, UPCALL, WITH_ERROR } from "../../kernel/exceptions.ts";
import { onFault } from "../../kernel/fixups.ts";
import { KERNEL_DS } from "../../kernel/selectors.ts";
import { Cpu } from "../cpu/cpu.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { takeOverFrame, xenIret } from "../paravirt/xen_iret.ts";
import { STACK, Task } from "./task.ts";
import { trap } from "./traps.ts";
import { BAD_IRET } from "./vectors.ts";

/** Behind `trap`: back to where the frame on the stack says. */
export const trapReturn = code("trap_return", () => {
  for (const segment of [gs, fs, es, ds]) popSegment(segment);
  asm.popad();
  asm.add(esp, TrapFrame.offsets.eip - TrapFrame.offsets.vector);
  asm.jmp(pvCpu.slot("iret"));
});

const trapEntry = code("trap_entry", () => {
  asm.pushad();
  for (const segment of [ds, es, fs, gs]) asm.push(segment);
  asm.mov(eax, KERNEL_DS);
  for (const segment of [ds, es, fs, gs]) asm.mov(segment, eax);
  asm.cld();
  asm.mov(eax, esp);
  asm.push(eax);
  asm.call(trap);
  asm.add(esp, 4);
  asm.jmp(trapReturn);
});

const enter = (name: string, vector: number, before: () => void = () => {}): Callable =>
  code(name, () => {
    before();
    if (!WITH_ERROR.includes(vector)) asm.push(0);
    asm.push(vector);
    asm.jmp(trapEntry);
  });

/** The upcall: the hypervisor enters here when an event is pending and not masked. */
export const eventCallback = enter(
  "event_callback",
  UPCALL,
  () => takeOverFrame(Cpu.offsets.iret_fixups),
);
/** The last IRET faulted: what it would have gone back to is the frame of the trap. */
export const badIret = enter("bad_iret", BAD_IRET);

export const xen_iret = xenIret({ badIret, upcall: eventCallback });

/**
 * Xen enters here when DS, ES, FS or GS could not be reloaded for this vCPU, with the four selectors
 * as they should be below the frame. Take what loads, and null for what does not. If all load, it was
 * no segment: the hypervisor could not go where the frame says, which is a bad IRET.
 */
export const failsafeCallback = code("failsafe_callback", () => {
  const segment = new Label("bad_segment");
  asm.push(0); // set when a selector does not load
  asm.push(eax);
  const count = () => {
    asm.mov(eax, esp);
    asm.and(eax, -STACK);
    asm.mov(eax, dword(eax, Task.offsets.cpu).via(ss));
    asm.inc(dword(eax, Cpu.offsets.failsafes).via(ss));
  };
  count();
  [ds, es, fs, gs].forEach((r, i) => {
    const load = new Label("load"), bad = new Label("bad"), done = new Label("done");
    bind(load);
    asm.mov(r, word(esp, 8 + 4 * i).via(ss));
    asm.jmp(done);
    bind(bad);
    asm.mov(dword(esp, 4).via(ss), 1);
    asm.mov(dword(esp, 8 + 4 * i).via(ss), 0);
    asm.jmp(load);
    bind(done);
    onFault(load, bad);
  });
  asm.cmp(dword(esp, 4).via(ss), 0);
  asm.pop(eax);
  asm.lea(esp, address(esp, 4 + 16)); // LEA leaves the flags
  asm.jne(segment);
  asm.jmp(badIret);
  bind(segment);
  asm.jmp(pvCpu.slot("iret"));
});

/** [vector, DPL, entry] of each gate. DPL 3 lets ring 3 raise the trap by INT. */
export const gates: readonly (readonly [number, number, Callable])[] = [
  ...Object.entries(EXCEPTIONS).map(([v, name]) => {
    const vector = Number(v);
    return [vector, vector === 3 || vector === 4 ? 3 : 0, enter(name, vector)] as const;
  }),
  [SYSCALL, 3, enter("system_call", SYSCALL)],
];
