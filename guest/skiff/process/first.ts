// Where a new process's first turn begins: on its own stack, with the frame of its program at the top
// and the kernel lock inherited from whoever switched to it.

import { asm, code, eax, esp } from "../../asm/mod.ts";
import { trapReturn } from "./entries.ts";
import { return_to_user } from "./traps.ts";

export const trapReturnFirst = code("first_turn", () => {
  asm.mov(eax, esp);
  asm.push(eax);
  asm.call(return_to_user);
  asm.pop(eax);
  asm.jmp(trapReturn);
});
