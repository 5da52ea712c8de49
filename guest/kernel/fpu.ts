// The FPU's registers as a program finds them at its start.

import { address, asm, bytes, code, dword, ecx, esp } from "../asm/mod.ts";

/** An FXSAVE image: exceptions masked, 64 bits of precision, rounding to nearest, all else zero. */
const image = new Uint8Array(512);
new DataView(image.buffer).setUint16(0, 0x37f, true);
new DataView(image.buffer).setUint32(24, 0x1f80, true);
export const fpuInitial = bytes("fpu_initial", image, "rodata", 16);

/** (where): loads all registers from an FXSAVE image. */
export const fpu_load = code("fpu_load", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.fxrstor(address(ecx));
  asm.ret();
});
