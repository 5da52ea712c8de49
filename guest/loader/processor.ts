// What the processor has, and how a program finds its registers beyond the general ones.

import { asm, code, eax, ebx, edx, fn, if_, ret } from "../asm/mod.ts";
import { fpu_load, fpuInitial } from "../kernel/fpu.ts";

/** EDX of CPUID leaf 1: what AT_HWCAP is. */
export const cpu_features = code("cpu_features", () => {
  asm.push(ebx);
  asm.mov(eax, 1);
  asm.cpuid();
  asm.mov(eax, edx);
  asm.pop(ebx);
  asm.ret();
});
const FXSR = 1 << 24;

const reset = code("fpu_reset", () => {
  asm.fninit();
  asm.ret();
});

/** Leaves nothing of an earlier program in the x87 and SSE registers. */
export const fpu_init = fn("fpu_init", () => {
  if_(cpu_features().and(FXSR).ne(0), () => {
    fpu_load(fpuInitial);
    ret();
  });
  reset();
});
