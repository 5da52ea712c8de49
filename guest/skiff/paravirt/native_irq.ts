// The interrupt flag of a processor of one's own.

import { asm, code, dword, eax, esp } from "../../asm/mod.ts";

export const native_save_fl = code("native_save_fl", () => {
  asm.pushf();
  asm.pop(eax);
  asm.and(eax, 0x200);
  asm.ret();
});

export const native_restore_fl = code("native_restore_fl", () => {
  asm.push(dword(esp, 4));
  asm.popf();
  asm.ret();
});

const one = (name: string, ...body: (() => void)[]) =>
  code(name, () => {
    for (const instruction of body) instruction();
    asm.ret();
  });

export const native_irq_disable = one("native_irq_disable", () => asm.cli());
export const native_irq_enable = one("native_irq_enable", () => asm.sti());
export const native_safe_halt = one("native_safe_halt", () => asm.sti(), () => asm.hlt());
export const native_halt = one("native_halt", () => asm.hlt());
export const native_relax = one("native_relax", () => asm.nop());
