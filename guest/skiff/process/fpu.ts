// The FPU belongs to whoever used it last. A task that never touches it never pays for it: the first
// FPU instruction after a switch traps, and only then the registers are loaded.

import { address, asm, bytes, code, dword, ecx, esp, fn, if_, ret } from "../../asm/mod.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { current, thisCpu } from "./task.ts";

/** An FXSAVE image: exceptions masked, 64 bits of precision, rounding to nearest, all else zero. */
const image = new Uint8Array(512);
new DataView(image.buffer).setUint16(0, 0x37f, true);
new DataView(image.buffer).setUint32(24, 0x1f80, true);
const initial = bytes("fpu_initial", image, "rodata", 16);

const fpu_load = code("fpu_load", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.fxrstor(address(ecx));
  asm.ret();
});

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
  fpu_load(initial);
});
