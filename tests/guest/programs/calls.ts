// What the test programs say to the kernel, and how they show what it answered.

import {
  array,
  asm,
  code,
  dword,
  eax,
  ebp,
  ebx,
  ecx,
  edi,
  edx,
  esi,
  esp,
  fn,
  for_,
  global,
  if_,
  local,
  u8,
} from "../../../guest/asm/mod.ts";
import type { Given, Value } from "../../../guest/asm/mod.ts";
import { write } from "../native.ts";

/** (number, five arguments): a system call. */
const system_call = code("system_call", () => {
  const saved = [ebx, esi, edi, ebp];
  for (const r of saved) asm.push(r);
  [eax, ebx, ecx, edx, esi, edi].forEach((r, i) => asm.mov(r, dword(esp, 20 + 4 * i)));
  asm.int(0x80);
  for (const r of saved.reverse()) asm.pop(r);
  asm.ret();
});
export const sys = (number: number, ...args: Given[]): Value =>
  system_call(number, ...Array.from({ length: 5 }, (_, i) => args[i] ?? 0));

const digits = global("digits", array(u8, 9));

/** (value): prints it in hexadecimal, on a line. */
export const show = fn("show", (value) => {
  for_(0, 8, (i) => {
    const digit = local(value.shr(local(7).minus(i).shl(2)).and(15));
    if_(digit.ge(10), () => digit.add(0x27));
    digits.at(i).set(digit.plus(0x30));
  });
  digits.at(8).set(10);
  write(digits.address, 9);
});

export const PAGE = 4096, ANONYMOUS = 0x22, FIXED = 0x32, RW = 3, R = 1;
export const [OPEN, READ, WRITE, CLOSE, UNLINK, LSEEK, BRK] = [5, 3, 4, 6, 10, 19, 45];
export const [DUP2, MUNMAP, MPROTECT, WRITEV, MREMAP, MMAP2] = [63, 91, 125, 146, 163, 192];
export const [ACCESS, STAT64, FSTAT64, FSTATAT64, STATX] = [33, 195, 197, 300, 383];
export const [FCNTL, SET_THREAD_AREA, GETRANDOM] = [221, 243, 355];
