// Time: the paravirtual clock (struct vcpu_time_info) and the one-shot timer.

import {
  asm,
  bind,
  cl,
  code,
  dword,
  eax,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  fn,
  Label,
} from "../asm/mod.ts";
import { localOf, u64 } from "../asm/mod.ts";
import type { Given } from "../asm/mod.ts";
import { set_timer_op } from "./hypercalls.ts";
import { vcpu } from "./state.ts";

/**
 * Nanoseconds since the hypervisor started, in EDX:EAX: the last published time plus the cycles
 * since then, scaled. The version is odd while the hypervisor writes, and changes when it has.
 */
export const system_time = code("system_time", () => {
  const again = new Label("again"), right = new Label("right"), scale = new Label("scale");
  const t = vcpu.time;
  for (const r of [ebx, esi, edi]) asm.push(r);
  bind(again);
  asm.mov(ebx, t.version);
  asm.test(ebx, 1);
  asm.jne(again);
  asm.rdtsc();
  asm.sub(eax, t.tsc_timestamp.low);
  asm.sbb(edx, t.tsc_timestamp.high);
  asm.movsx(ecx, t.tsc_shift);
  asm.test(ecx, ecx);
  asm.js(right);
  asm.shld(edx, eax, cl);
  asm.shl(eax, cl);
  asm.jmp(scale);
  bind(right);
  asm.neg(ecx);
  asm.shrd(eax, edx, cl);
  asm.shr(edx, cl);
  bind(scale);
  // (EDX:EAX * mul) >> 32
  asm.mov(esi, edx);
  asm.mul(t.tsc_to_system_mul);
  asm.mov(edi, edx);
  asm.mov(eax, esi);
  asm.mul(t.tsc_to_system_mul);
  asm.add(eax, edi);
  asm.adc(edx, 0);
  asm.add(eax, t.system_time.low);
  asm.adc(edx, t.system_time.high);
  asm.cmp(ebx, t.version);
  asm.jne(again);
  for (const r of [edi, esi, ebx]) asm.pop(r);
  asm.ret();
});

/** (nanoseconds, where): stores the time that many nanoseconds from now as 64 bits. */
const deadline_in = code("deadline_in", () => {
  asm.call(system_time);
  asm.add(eax, dword(esp, 4));
  asm.adc(edx, 0);
  asm.mov(ecx, dword(esp, 8));
  asm.mov(dword(ecx), eax);
  asm.mov(dword(ecx, 4), edx);
  asm.ret();
});

/** Stores the system time `nanoseconds` from now at the 64-bit variable `where`. */
export function deadlineIn(nanoseconds: Given, where: Given): void {
  deadline_in(nanoseconds, where);
}

/** Asks for VIRQ_TIMER that many nanoseconds from now. */
export const set_timer_in = fn("set_timer_in", (nanoseconds) => {
  const deadline = localOf(u64);
  deadlineIn(nanoseconds, deadline.address);
  set_timer_op(deadline.low, deadline.high);
});
