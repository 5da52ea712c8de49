// What the processor has, and how a program finds its registers beyond the general ones.

import { address, asm, bytes, code, eax, ebx, ecx, edx, fn, if_, ret } from "../asm/mod.ts";

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

/** An FXSAVE image: exceptions masked, 64 bits of precision, rounding to nearest, all else zero. */
const image = new Uint8Array(512);
new DataView(image.buffer).setUint16(0, 0x37f, true);
new DataView(image.buffer).setUint32(24, 0x1f80, true);
const initial = bytes("fpu_initial", image, "rodata", 16);

const restore = code("fpu_restore", () => {
  asm.mov(ecx, initial.operand());
  asm.fxrstor(address(ecx));
  asm.ret();
});
const reset = code("fpu_reset", () => {
  asm.fninit();
  asm.ret();
});

/** Leaves nothing of an earlier program in the x87 and SSE registers. */
export const fpu_init = fn("fpu_init", () => {
  if_(cpu_features().and(FXSR).ne(0), () => {
    restore();
    ret();
  });
  reset();
});
