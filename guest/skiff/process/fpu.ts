// The FPU belongs to whoever used it last. A task that never touches it never pays for it: the first
// FPU instruction after a switch traps, and only then the registers are loaded.

import { array, fn, if_, localOf, ret, u32 } from "../../asm/mod.ts";
import { fpu_load, fpuInitial } from "../../kernel/fpu.ts";
import { panic } from "../../kernel/panic.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { current, thisCpu } from "./task.ts";

/** #NM: gives the task its registers. */
export const fpu_trap = fn("fpu_trap", () => {
  thisCpu.fpu_traps.inc();
  pvCpu.call.clts();
  current.fpu_live.set(1);
  if_(current.fpu_used.ne(0), () => {
    fpu_load(current.fpu.address);
    ret();
  });
  current.fpu_used.set(1);
  fpu_load(fpuInitial);
});

const FXSR = 1 << 24;
/** Every processor that this kernel is for saves the FPU by FXSAVE. */
export const fpu_init = fn("fpu_init", () => {
  const leaf = localOf(array(u32, 4));
  pvCpu.call.cpuid(1, 0, leaf.address);
  if_(leaf.at(3).and(FXSR).eq(0), () => void panic("a processor without FXSR"));
  pvCpu.call.stts();
});
