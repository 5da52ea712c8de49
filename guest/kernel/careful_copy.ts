// A copy whose addresses may be a program's, and bad.

import { EFAULT } from "../abi/errors.ts";
import { asm, bind, code, dword, eax, ecx, edi, esi, esp, Label } from "../asm/mod.ts";
import { onFault } from "./fixups.ts";

/** (to, from, bytes): 0, or -EFAULT if a fault in it is not settled. */
export const careful_copy = code("careful_copy", () => {
  const move = new Label("move"), bad = new Label("bad"), done = new Label("done");
  asm.push(esi);
  asm.push(edi);
  asm.mov(edi, dword(esp, 12));
  asm.mov(esi, dword(esp, 16));
  asm.mov(ecx, dword(esp, 20));
  asm.cld();
  bind(move);
  asm.movsb("rep");
  asm.xor(eax, eax);
  asm.jmp(done);
  bind(bad);
  asm.mov(eax, -EFAULT);
  bind(done);
  asm.pop(edi);
  asm.pop(esi);
  asm.ret();
  onFault(move, bad);
});
