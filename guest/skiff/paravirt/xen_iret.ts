// The way out of the kernel, without a hypercall. IRET in ring 1 restores everything but the event
// mask, so the mask is cleared by hand before it, and what is pending is looked at after that. An
// upcall may come between the two: it finds a frame that was about to be returned from, and instead of
// interrupting the way out it takes that frame for its own (see `event_callback` below).

import { HYPERCALL } from "../../abi/numbers.ts";
import { VcpuInfo } from "../../abi/structs.ts";
import { asm, bind, byte, code, dword, eax, esp, Label, ss, word } from "../../asm/mod.ts";
import type { Callable } from "../../asm/mod.ts";
import { onFault } from "../../kernel/fixups.ts";
import { hypercallSlot } from "../../kernel/hypercalls.ts";
import { Cpu } from "../cpu/cpu.ts";
import { STACK, Task } from "../process/task.ts";

/** From where the mask may be clear; from where EAX is restored; behind the last instruction. */
export const critStart = new Label("xen_iret_start_crit");
export const critPopped = new Label("xen_iret_popped");
export const critEnd = new Label("xen_iret_end_crit");

const IF_BYTE = 2, VM_BYTE = 2; // IF in the second byte of EFLAGS, VM in the third

/** What a fault of the last IRET leads to, and what an upcall that is due does. */
export interface Exits {
  badIret: Callable;
  upcall: Callable;
}

/** With [EIP CS EFLAGS (ESP SS)] on the stack and events masked. */
export const xenIret = ({ badIret, upcall }: Exits): Callable =>
  code("xen_iret", () => {
    const byHypercall = new Label("by_hypercall"), last = new Label("last_iret");
    asm.test(byte(esp, 10), VM_BYTE);
    asm.jne(byHypercall);
    asm.push(eax);
    asm.mov(eax, esp);
    asm.and(eax, -STACK);
    asm.mov(eax, dword(eax, Task.offsets.cpu).via(ss));
    asm.mov(eax, dword(eax, Cpu.offsets.vcpu_info).via(ss));
    asm.test(byte(esp, 4 + 9), IF_BYTE);
    asm.sete(byte(eax, VcpuInfo.offsets.evtchn_upcall_mask).via(ss));
    bind(critStart);
    // Pending (low byte) and not masked: then masked again, and the upcall entered with this frame.
    asm.cmp(word(eax, VcpuInfo.offsets.evtchn_upcall_pending).via(ss), 1);
    asm.sete(byte(eax, VcpuInfo.offsets.evtchn_upcall_mask).via(ss));
    asm.pop(eax);
    bind(critPopped);
    asm.je(upcall);
    bind(last);
    asm.iret();
    bind(critEnd);
    onFault(last, badIret.label);
    // The hypervisor has no VM86 for us, but this is where it is asked.
    bind(byHypercall);
    asm.jmp(hypercallSlot(HYPERCALL.iret));
  });

/**
 * Emits the beginning of the upcall: if it came on the way out, its own frame goes and the one below,
 * which was about to be returned from, is the interrupted one. `count` is incremented then.
 */
export function takeOverFrame(count: number): void {
  const normal = new Label("normal"), popped = new Label("popped"), taken = new Label("taken");
  const RPL_USER = 2;
  asm.test(byte(esp, 4), RPL_USER);
  asm.jne(normal);
  asm.cmp(dword(esp), critStart);
  asm.jb(normal);
  asm.cmp(dword(esp), critEnd);
  asm.jae(normal);
  asm.cmp(dword(esp), critPopped);
  asm.jae(popped);
  asm.mov(eax, dword(esp, 12));
  asm.add(esp, 16);
  asm.jmp(taken);
  bind(popped);
  asm.add(esp, 12);
  bind(taken);
  asm.push(eax);
  asm.mov(eax, esp);
  asm.and(eax, -STACK);
  asm.mov(eax, dword(eax, Task.offsets.cpu).via(ss));
  asm.inc(dword(eax, count).via(ss));
  asm.pop(eax);
  bind(normal);
}
