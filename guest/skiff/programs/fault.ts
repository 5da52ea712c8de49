// `fault KIND`: does what a program may not, to show what comes of it.

import { MACH2PHYS, VIRT_BASE } from "../../abi/numbers.ts";
import { asm, code, eax, ebx, ecx, es, esp, fn, if_, local, ret, u32 } from "../../asm/mod.ts";
import { ABSENT } from "../cpu/gdt.ts";
import { out, program, same, user } from "./lib.ts";

const instructions = (name: string, body: () => void) =>
  code(`u_fault_${name}`, () => {
    body();
    asm.ret();
  }, user);
const memory = (name: string, body: () => void) => fn(`u_fault_${name}`, body, user);

const kinds = {
  read: memory("read", () => void local(u32.at(0))),
  write: memory("write", () => u32.at(0x1000).set(1)),
  image: memory("image", () => u32.at(0x08048000).set(1)),
  kernel: memory("kernel", () => void local(u32.at(VIRT_BASE))),
  m2p: memory("m2p", () => void local(u32.at(MACH2PHYS))),
  execute: instructions("execute", () => {
    asm.push(0xc3); // RET
    asm.mov(eax, esp);
    asm.call(eax);
    asm.pop(eax);
  }),
  divide: instructions("divide", () => {
    asm.xor(ecx, ecx);
    asm.div(ecx);
  }),
  opcode: instructions("opcode", () => asm.ud2()),
  breakpoint: instructions("breakpoint", () => asm.int3()),
  privileged: instructions("privileged", () => asm.hlt()),
  port: instructions("port", () => asm.in(eax, 0x40)),
  segment: instructions("segment", () => {
    asm.mov(eax, ABSENT);
    asm.mov(es, eax);
  }),
  hypercall: instructions("hypercall", () => {
    asm.mov(eax, 17);
    asm.xor(ebx, ebx);
    asm.int(0x82);
  }),
  interrupt: instructions("interrupt", () => asm.int(0x0e)),
};
export const FAULT_KINDS = Object.keys(kinds);

export const fault = program("fault", `one of ${FAULT_KINDS.join(" ")}`, (args) => {
  for (const [name, body] of Object.entries(kinds)) {
    if_(same(args, name), () => {
      (body as () => void)();
      out`nothing came of it\n`;
      ret(0);
    });
  }
  out`there is no such kind\n`;
  ret(1);
});
