// The registers of a 32-bit processor, as operands for the assembler.

import { Register } from "iced-x86";

/** A register operand. `forms` are the names iced-x86's opcode list may call it by, best first. */
export class Reg {
  constructor(
    readonly name: string,
    readonly size: 1 | 2 | 4,
    readonly number: Register,
    readonly forms: readonly string[],
  ) {}
}

const general = (name: string, size: 1 | 2 | 4, number: Register) => {
  const bits = size * 8;
  const fixed = ["eax", "ax", "al", "cl", "dx"].includes(name) ? [name.toUpperCase()] : [];
  return new Reg(name, size, number, [`r${bits}`, `rm${bits}`, "r32m16", ...fixed]);
};
const segment = (name: string, number: Register) =>
  new Reg(name, 2, number, ["Sreg", name.toUpperCase()]);

export const eax = general("eax", 4, Register.EAX);
export const ecx = general("ecx", 4, Register.ECX);
export const edx = general("edx", 4, Register.EDX);
export const ebx = general("ebx", 4, Register.EBX);
export const esp = general("esp", 4, Register.ESP);
export const ebp = general("ebp", 4, Register.EBP);
export const esi = general("esi", 4, Register.ESI);
export const edi = general("edi", 4, Register.EDI);
export const ax = general("ax", 2, Register.AX);
export const cx = general("cx", 2, Register.CX);
export const dx = general("dx", 2, Register.DX);
export const al = general("al", 1, Register.AL);
export const cl = general("cl", 1, Register.CL);
export const dl = general("dl", 1, Register.DL);
export const es = segment("es", Register.ES);
export const cs = segment("cs", Register.CS);
export const ss = segment("ss", Register.SS);
export const ds = segment("ds", Register.DS);
export const fs = segment("fs", Register.FS);
export const gs = segment("gs", Register.GS);
export const cr0 = new Reg("cr0", 4, Register.CR0, ["cr"]);
export const cr2 = new Reg("cr2", 4, Register.CR2, ["cr"]);
export const cr3 = new Reg("cr3", 4, Register.CR3, ["cr"]);
export const cr4 = new Reg("cr4", 4, Register.CR4, ["cr"]);

/** The 16-bit and 8-bit names of a general register that has them all. */
export function narrow(reg: Reg, size: 1 | 2 | 4): Reg {
  const names: Record<string, readonly [Reg, Reg]> = {
    eax: [al, ax],
    ecx: [cl, cx],
    edx: [dl, dx],
  };
  if (size === 4) return reg;
  const pair = names[reg.name];
  if (!pair) throw new Error(`${reg.name} has no ${size * 8}-bit name here`);
  return pair[size - 1];
}
