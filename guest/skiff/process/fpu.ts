// The FPU belongs to whoever used it last. A task that never touches it never pays for it: the first
// FPU instruction after a switch traps, and only then the registers are loaded.

import { fn, if_, ret } from "../../asm/mod.ts";
import { fpu_load, fpuInitial } from "../../kernel/fpu.ts";
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
