// What programs are written with. They run in ring 3, in an address space of their own, and know of
// the kernel only int 0x80. Their image is shared and read-only; variables lie where each has its heap.

import {
  array,
  asm,
  code,
  dword,
  eax,
  ebx,
  ecx,
  edx,
  esi,
  esp,
  fn,
  if_,
  local,
  localOf,
  ret,
  u32,
  u8,
  while_,
} from "../../asm/mod.ts";
import type { Callable, Given, Place, Type, Value } from "../../asm/mod.ts";
import { HEAP } from "../memory/layout.ts";
import { SYS } from "../process/numbers.ts";

export const user = { section: "user" } as const;

/** (number, four arguments): a system call. */
const system_call = code("u_system_call", () => {
  asm.push(ebx);
  asm.push(esi);
  asm.mov(eax, dword(esp, 12));
  asm.mov(ebx, dword(esp, 16));
  asm.mov(ecx, dword(esp, 20));
  asm.mov(edx, dword(esp, 24));
  asm.mov(esi, dword(esp, 28));
  asm.int(0x80);
  asm.pop(esi);
  asm.pop(ebx);
  asm.ret();
}, user);

/** A system call by name, with as many arguments as it takes. */
export const sys = (
  name: keyof typeof SYS,
  a: Given = 0,
  b: Given = 0,
  c: Given = 0,
  d: Given = 0,
): Value => system_call(SYS[name], a, b, c, d);

/** A variable of the program's own. The pages they lie in are asked for before `main`. */
let nextVariable = HEAP;
const VARIABLES = 0x4000;
export function userVariable<View>(type: Type<View>): View {
  nextVariable += -nextVariable & (type.alignment - 1);
  const at = nextVariable;
  nextVariable += type.size;
  if (nextVariable > HEAP + VARIABLES) throw new Error("more variables than there is room for");
  return type.at(at);
}

/** What has been printed and not yet written. */
const OUT_SIZE = 512;
const outBuffer = userVariable(array(u8, OUT_SIZE));
const outLength = userVariable(u32);

/** Writes what has been printed. */
export const flush = fn("u_flush", () => {
  const from = local(outBuffer.address);
  while_(() => outLength.ne(0), () => {
    const n = local(sys("write", 1, from, outLength));
    if_(n.isNegative(), () => sys("exit", 1));
    from.add(n);
    outLength.take(n);
  });
}, user);

export const put = fn("u_put", (c) => {
  if_(outLength.eq(OUT_SIZE), () => void flush());
  outBuffer.at(outLength).set(c);
  outLength.inc();
}, user);

const put_text = fn("u_put_text", (text) => {
  while_(() => u8.at(text).ne(0), () => {
    put(u8.at(text));
    text.inc();
  });
}, user);

/** (n, width): in decimal, with blanks before it up to the width. */
const put_decimal = fn("u_put_decimal", (n, width) => {
  const digits = localOf(array(u8, 12));
  const at = local(11);
  digits.at(11).set(0);
  digits.at(10).set(0x30);
  while_(() => n.ne(0).either(() => at.eq(11)), () => {
    at.dec();
    digits.at(at).set(n.mod(10).plus(0x30));
    n.set(n.over(10));
  });
  while_(() => at.plus(width).gt(11), () => {
    put(0x20);
    width.dec();
  });
  put_text(digits.at(at).address);
}, user);

const put_hex = fn("u_put_hex", (n) => {
  const shift = local(32);
  while_(() => shift.ne(0), () => {
    shift.take(4);
    const digit = local(n.shr(shift).and(15));
    if_(digit.ge(10), () => digit.add(0x27));
    put(digit.plus(0x30));
  });
}, user);

export type Shown = { show: () => void };
export const dec = (n: Given, width = 0): Shown => ({ show: () => void put_decimal(n, width) });
export const hex = (n: Given): Shown => ({ show: () => void put_hex(n) });
export const text = (address: Given): Shown => ({ show: () => void put_text(address) });

/** `out` is a template tag like the kernel's `print`; the text goes to standard output. */
export function out(strings: TemplateStringsArray, ...values: Shown[]): void {
  strings.forEach((s, i) => {
    if (s !== "") put_text(s);
    values[i]?.show();
  });
}

/** (a, b): 1 if the strings are equal. */
export const same = fn("u_same", (a, b) => {
  while_(() => u8.at(a).eq(u8.at(b)), () => {
    if_(u8.at(a).eq(0), () => ret(1));
    a.inc();
    b.inc();
  });
  ret(0);
}, user);

/** (text): the value of hexadecimal digits, with or without 0x. */
export const parse_hex = fn("u_parse_hex", (at) => {
  const value = local(0);
  if_(u8.at(at).eq(0x30).both(() => u8.at(at.plus(1)).eq(0x78)), () => at.add(2));
  while_(() => u8.at(at).gt(0x20), () => {
    const digit = local(u8.at(at).or(0x20));
    if_(digit.ge(0x61), () => digit.take(0x27));
    value.set(value.shl(4).plus(digit.minus(0x30).and(15)));
    at.inc();
  });
  ret(value);
}, user);

/** (text): the value of decimal digits. */
export const parse_decimal = fn("u_parse_decimal", (at) => {
  const value = local(0);
  while_(() => u8.at(at).ge(0x30).both(() => u8.at(at).le(0x39)), () => {
    value.set(value.times(10).plus(u8.at(at)).minus(0x30));
    at.inc();
  });
  ret(value);
}, user);

/** What `ps`, `help` and the kernel know of a program. */
export interface Program {
  name: string;
  help: string;
  start: Callable;
}

/**
 * A program. `main` is given the address of its arguments and returns its exit status.
 */
export function program(
  name: string,
  help: string,
  main: (args: Place) => void,
): Program {
  const body = fn(`u_${name}`, main, user);
  const end = fn(`u_${name}_end`, (status) => {
    flush();
    sys("exit", status);
  }, user);
  const start = code(`u_${name}_start`, () => {
    // The kernel has put the address of the arguments on the stack.
    asm.mov(eax, dword(esp));
    asm.push(0);
    asm.push(eax);
    asm.push(VARIABLES);
    asm.call(grow_heap);
    asm.pop(ecx);
    asm.call(body);
    asm.push(eax);
    asm.call(end);
  }, user);
  return { name, help, start };
}

/** (bytes): pages for the variables. */
const grow_heap = fn("u_grow_heap", (bytes) => void sys("brk", bytes.plus(HEAP)), user);
/** Where the heap is free for a program's own use: behind the variables. */
export const HEAP_FREE = HEAP + VARIABLES;
