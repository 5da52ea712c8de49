// Ring 3: where user programs live, how one is entered and how it ends.

import { HYPERCALL } from "../abi/numbers.ts";
import {
  asm,
  code,
  ds,
  dword,
  eax,
  ebp,
  ebx,
  ecx,
  edi,
  edx,
  es,
  esi,
  esp,
  fs,
  global,
  gs,
  u32,
} from "../asm/mod.ts";
import type { Reg } from "../asm/mod.ts";
import { hypercallSlot, stack_switch } from "./hypercalls.ts";
import { KERNEL_DS, USER_CS, USER_DS } from "./selectors.ts";

/** The kernel stack as it was when ring 3 was entered. */
const resume = global("user_resume", u32);
const PRESERVED: Reg[] = [ebp, ebx, esi, edi];

/**
 * (eip, esp): goes to ring 3, where every other register is zero, so nothing of the kernel's shows.
 * Returns what `end_user` is given, with events masked.
 */
export const enter_user = code("enter_user", () => {
  for (const r of PRESERVED) asm.push(r);
  asm.mov(resume, esp);
  // Traps out of ring 3 build their frames below what is kept here.
  asm.push(esp);
  asm.push(KERNEL_DS);
  asm.call(stack_switch);
  asm.add(esp, 8);
  asm.mov(ecx, dword(esp, 20));
  asm.mov(edx, dword(esp, 24));
  asm.mov(eax, USER_DS);
  asm.push(eax);
  asm.push(edx);
  asm.push(0x202); // EFLAGS with IF: upcalls are on in ring 3
  asm.push(USER_CS);
  asm.push(ecx);
  for (const segment of [es, fs, gs, ds]) asm.mov(segment, eax);
  for (const r of [eax, ecx, edx, ...PRESERVED]) asm.xor(r, r);
  asm.jmp(hypercallSlot(HYPERCALL.iret));
});

/** (status): leaves ring 3 for good, out of a trap: `enter_user` returns the status. */
export const end_user = code("end_user", () => {
  asm.mov(eax, dword(esp, 4));
  asm.mov(ecx, KERNEL_DS);
  for (const segment of [fs, gs]) asm.mov(segment, ecx);
  asm.mov(esp, resume);
  for (const r of [...PRESERVED].reverse()) asm.pop(r);
  asm.ret();
});
