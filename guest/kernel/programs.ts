// User programs. They run in ring 3, in pages of their own, and know of the kernel only int 0x80.

import { MACH2PHYS, VIRT_BASE } from "../abi/numbers.ts";
import {
  array,
  asm,
  code,
  dword,
  eax,
  ebx,
  ecx,
  edx,
  esp,
  fn,
  if_,
  local,
  ret,
  u32,
  u8,
  while_,
} from "../asm/mod.ts";
import type { Callable, Place } from "../asm/mod.ts";
import { USER_DEMAND } from "./layout.ts";
import { SYS } from "./syscalls.ts";

const user = { section: "user" } as const;

/** (number, three arguments): a system call. */
const system_call = code("system_call", () => {
  asm.push(ebx);
  asm.mov(eax, dword(esp, 8));
  asm.mov(ebx, dword(esp, 12));
  asm.mov(ecx, dword(esp, 16));
  asm.mov(edx, dword(esp, 20));
  asm.int(0x80);
  asm.pop(ebx);
  asm.ret();
}, user);

/** Where a program starts: calls its main and exits with what it returns. */
const program = (name: string, main: Callable): Callable =>
  code(name, () => {
    asm.call(main);
    asm.push(0);
    asm.push(0);
    asm.push(eax);
    asm.push(SYS.exit);
    asm.call(system_call);
  }, user);

const say = fn("say", (text) => {
  const length = local(0);
  while_(() => u8.at(text.plus(length)).ne(0), () => length.inc());
  ret(system_call(SYS.write, text, length, 0));
}, user);

/** Prints, fills pages that are not there yet, tries what must fail; exits with 42 if all is well. */
export const visitor = program(
  "visitor",
  fn("visitor_main", () => {
    say("  (ring 3) hello by int 0x80\n");
    const pages = array(u32, 4096).at(USER_DEMAND);
    pages.at(0).set(11);
    pages.at(2048).set(31);
    if_(pages.at(1).ne(0), () => ret(1));
    if_(system_call(SYS.write, VIRT_BASE, 4, 0).ne(-14), () => ret(2));
    if_(system_call(999, 0, 0, 0).ne(-38), () => ret(3));
    ret(pages.at(0).plus(pages.at(2048)));
  }, user),
);

const reader = (name: string, address: number) =>
  program(name, fn(`${name}_main`, () => ret((u32.at(address) as Place).and(1)), user));

/** Reads kernel memory. */
export const intruder = reader("intruder", VIRT_BASE);
/** Reads the machine-to-physical table, which is for ring 1 only. */
export const mapReader = reader("map_reader", MACH2PHYS);

/** Tries a hypercall of its own. */
export const caller = program(
  "caller",
  code("caller_main", () => {
    asm.mov(eax, 17);
    asm.int(0x82);
    asm.ret();
  }, user),
);
