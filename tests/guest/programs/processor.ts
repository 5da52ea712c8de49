// Programs that look at the processor: thread areas, code that is overwritten, registers.

import {
  array,
  asm,
  ax,
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
  gs,
  local,
  localOf,
  raw,
  ret,
  u32,
  u8,
} from "../../../guest/asm/mod.ts";
import { UserDesc } from "../../../guest/abi/linux.ts";
import { copy } from "../../../guest/kernel/strings.ts";
import { ANONYMOUS, BRK, MMAP2, PAGE, SET_THREAD_AREA, show, sys } from "./calls.ts";

const read_gs = code("read_gs", () => {
  asm.mov(eax, dword(esp, 4));
  asm.mov(gs, ax);
  asm.mov(eax, dword(8).via(gs));
  asm.ret();
});
const area = global("thread_area", array(u32, 4));

export const threads = fn("threads", () => {
  const desc = localOf(UserDesc);
  desc.entry_number.set(-1);
  desc.base_addr.set(area.address);
  desc.limit.set(0xfffff);
  desc.flags.set(0x51); // 32 bit, usable, limit in pages
  area.at(2).set(0xabcd);
  show(sys(SET_THREAD_AREA, desc.address));
  const selector = local(desc.entry_number.shl(3).or(3));
  show(read_gs(selector));
  // A system call keeps the segment.
  sys(BRK, 0);
  show(read_gs(selector));
  desc.entry_number.set(3);
  show(sys(SET_THREAD_AREA, desc.address));
  // A limit of 9 bytes: the word at 8 is beyond it.
  desc.entry_number.set(selector.shr(3));
  desc.limit.set(9);
  desc.flags.set(0x41);
  show(sys(SET_THREAD_AREA, desc.address));
  ret(read_gs(selector));
});

/** (address, value): calls what is there with the value in EAX; what it leaves there. */
const call_at = code("call_at", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.mov(eax, dword(esp, 8));
  asm.call(ecx);
  asm.ret();
});
/** (page, word): fills the page. */
const fill = code("fill", () => {
  asm.push(edi);
  asm.mov(edi, dword(esp, 8));
  asm.mov(eax, dword(esp, 12));
  asm.mov(ecx, PAGE / 4);
  asm.stosd("rep");
  asm.pop(edi);
  asm.ret();
});

/** Code overwritten by string instructions that begin well before it, in a page that ran before. */
export const rewrite = fn("rewrite", () => {
  const RWX = 7, WHERE = 1024;
  const page = local(sys(MMAP2, 0, 2 * PAGE, RWX, ANONYMOUS, -1)), other = local(page.plus(PAGE));
  for_(1, 4, (i) => {
    u8.at(other.plus(WHERE)).set(0xb8); // mov eax, i; ret
    u32.at(other.plus(WHERE + 1)).set(i);
    u8.at(other.plus(WHERE + 5)).set(0xc3);
    copy(page, other, PAGE);
    show(call_at(page.plus(WHERE), 9));
  });
  fill(page, 0xc3c3c3c3);
  show(call_at(page.plus(WHERE), 9));
  fill(page, 0xc3c34040); // inc eax, twice
  show(call_at(page.plus(WHERE), 9));
  copy(page, other, PAGE);
  show(call_at(page.plus(WHERE), 9));
  ret(0);
});

/** Registers that a process starts with: all zero, but those that hold an address. */
export const beginning = code("beginning", () => {
  for (const r of [ebx, ecx, edx, esi, edi, ebp]) asm.or(eax, r);
  asm.mov(edx, dword(esp, 8)); // above the return address: argc, argv[0]
  asm.add(eax, dword(esp, 4));
  asm.ret();
});

/** Leaves something in every part of the FPU. */
export const untidy = code("untidy", () => {
  asm.push(0x7f80);
  raw(0x0f, 0xae, 0x14, 0x24); // ldmxcsr [esp]: round towards zero
  asm.mov(dword(esp), 0x0c7f);
  raw(0xd9, 0x2c, 0x24); // fldcw [esp]: towards zero, 24 bits
  raw(0x66, 0x0f, 0x6e, 0x04, 0x24); // movd xmm0, [esp]
  raw(0xd9, 0xe8); // fld1
  asm.pop(eax);
  asm.ret();
});
/** (environment, MXCSR, XMM0): stores them. */
const store_fpu = code("store_fpu", () => {
  asm.mov(ecx, dword(esp, 4));
  raw(0xd9, 0x31); // fnstenv [ecx]
  asm.mov(ecx, dword(esp, 8));
  raw(0x0f, 0xae, 0x19); // stmxcsr [ecx]
  asm.mov(ecx, dword(esp, 12));
  raw(0x0f, 0x11, 0x01); // movups [ecx], xmm0
  asm.ret();
});

export const tidy = fn("tidy", () => {
  const environment = localOf(array(u32, 7)), mxcsr = local(), xmm = localOf(array(u32, 4));
  store_fpu(environment.address, mxcsr.address, xmm.address);
  for (const i of [0, 1, 2]) show(environment.at(i));
  show(mxcsr);
  for (const i of [0, 1, 2, 3]) show(xmm.at(i));
  ret(0);
});
