// From one task to another. What the hypervisor has to be told goes to it in one multicall: the kernel
// stack, the thread-local segment, the address space, and that the FPU holds somebody else's registers.

import {
  address,
  asm,
  code,
  dword,
  eax,
  ebp,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  fn,
  if_,
  local,
} from "../../asm/mod.ts";
import { kernelMm, Mm } from "../memory/address_space.ts";
import { pvCpu, pvMmu } from "../paravirt/ops.ts";
import { current, stackTop, Task, thisCpu } from "./task.ts";

const SAVED = [ebp, ebx, esi, edi];

/** (where the old stack pointer goes, the new one): returns on the other stack. */
export const switch_stacks = code("switch_stacks", () => {
  asm.mov(eax, dword(esp, 4));
  asm.mov(edx, dword(esp, 8));
  for (const r of SAVED) asm.push(r);
  asm.mov(dword(eax), esp);
  asm.mov(esp, edx);
  for (const r of [...SAVED].reverse()) asm.pop(r);
  asm.ret();
});
/** Words that `switch_stacks` takes off a stack it has never been on, the last one being where it returns to. */
export const SWITCH_WORDS = SAVED.length + 1;

/** (where): the FPU's registers into memory. */
export const fpu_save = code("fpu_save", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.fxsave(address(ecx));
  asm.ret();
});

/** (mm): loads an address space, 0 for the kernel's own, if it is not loaded. */
export const use_mm = fn("use_mm", (mm) => {
  if_(thisCpu.active_mm.eq(mm).not(), () => {
    thisCpu.active_mm.set(mm);
    if_(mm.eq(0), () => mm.set(kernelMm.address));
    pvMmu.call.write_cr3(Mm.at(mm).top);
  });
});

/** (next): returns when somebody has switched back. */
export const context_switch = fn("context_switch", (next) => {
  const n = Task.at(next);
  const from = local(current.address);
  thisCpu.switches.inc();
  n.cpu.set(current.cpu);
  // Its registers are still in the FPU and go now, before the flag is set that forbids it.
  if_(current.fpu_live.ne(0), () => void fpu_save(current.fpu.address));
  pvCpu.call.enter_lazy();
  pvCpu.call.load_sp0(stackTop(next));
  pvCpu.call.load_tls(n.tls_low, n.tls_high);
  use_mm(n.mm);
  if_(current.fpu_live.ne(0), () => {
    current.fpu_live.set(0);
    pvCpu.call.stts();
  });
  pvCpu.call.leave_lazy();
  switch_stacks(Task.at(from).esp.address, n.esp);
});
