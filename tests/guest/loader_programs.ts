// Small Linux programs that ask for what the loader guest provides, and for what it must refuse. They
// run on Linux, too: what they print there is what the loader has to make of them.

import {
  addressOf,
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
  if_,
  local,
  localOf,
  raw,
  ret,
  u32,
  u8,
} from "../../guest/asm/mod.ts";
import type { Callable, Given, Value } from "../../guest/asm/mod.ts";
import { UserDesc } from "../../guest/abi/linux.ts";
import { copy } from "../../guest/kernel/strings.ts";
import { write } from "./native.ts";

/** (number, five arguments): a system call. */
const system_call = code("system_call", () => {
  const saved = [ebx, esi, edi, ebp];
  for (const r of saved) asm.push(r);
  [eax, ebx, ecx, edx, esi, edi].forEach((r, i) => asm.mov(r, dword(esp, 20 + 4 * i)));
  asm.int(0x80);
  for (const r of saved.reverse()) asm.pop(r);
  asm.ret();
});
const sys = (number: number, ...args: Given[]): Value =>
  system_call(number, ...Array.from({ length: 5 }, (_, i) => args[i] ?? 0));

const digits = global("digits", array(u8, 9));

/** (value): prints it in hexadecimal, on a line. */
const show = fn("show", (value) => {
  for_(0, 8, (i) => {
    const digit = local(value.shr(local(7).minus(i).shl(2)).and(15));
    if_(digit.ge(10), () => digit.add(0x27));
    digits.at(i).set(digit.plus(0x30));
  });
  digits.at(8).set(10);
  write(digits.address, 9);
});

const PAGE = 4096, ANONYMOUS = 0x22, FIXED = 0x32, RW = 3, R = 1;
const [OPEN, READ, WRITE, CLOSE, UNLINK, LSEEK, BRK] = [5, 3, 4, 6, 10, 19, 45];
const [DUP2, MUNMAP, MPROTECT, WRITEV, MREMAP, MMAP2] = [63, 91, 125, 146, 163, 192];
const [FCNTL, SET_THREAD_AREA, GETRANDOM] = [221, 243, 355];

const memory = fn("memory", () => {
  const at = local(sys(MMAP2, 0, 4 * PAGE, RW, ANONYMOUS, -1));
  u32.at(at.plus(PAGE)).set(0x1111);
  u32.at(at.plus(3 * PAGE)).set(0x3333);
  show(u32.at(at));
  // A page that may only be read, in the middle: the kernel may not write there either.
  show(sys(MPROTECT, at.plus(PAGE), PAGE, R));
  show(u32.at(at.plus(PAGE)));
  show(sys(GETRANDOM, at.plus(PAGE), 4));
  show(sys(GETRANDOM, at.plus(2 * PAGE), 4));
  show(sys(MPROTECT, at.plus(PAGE), PAGE, RW));
  u32.at(at.plus(PAGE)).set(0x1112);
  // What was unmapped is refused, and comes back as zeroes.
  show(sys(MUNMAP, at.plus(PAGE), PAGE));
  show(sys(WRITE, 1, at.plus(PAGE), 1));
  show(sys(MMAP2, at.plus(PAGE), PAGE, RW, FIXED, -1).eq(at.plus(PAGE)));
  show(u32.at(at.plus(PAGE)));
  // The last page grows elsewhere, with what is in it, and leaves its place.
  const moved = local(sys(MREMAP, at.plus(3 * PAGE), PAGE, 600 * PAGE, 1));
  show(u32.at(moved));
  show(u32.at(moved.plus(599 * PAGE)));
  u32.at(moved.plus(599 * PAGE)).set(1);
  show(sys(MREMAP, moved, 600 * PAGE, PAGE, 0).eq(moved));
  show(sys(WRITE, 1, moved.plus(PAGE), 1));
  show(sys(MUNMAP, moved.plus(1), PAGE));
  show(sys(MMAP2, 0, 0, RW, ANONYMOUS, -1));
  show(sys(MREMAP, at, 0x7fff0000, 0x7fff1000, 1).isNegative());
  ret(0);
});

const heap = fn("heap", () => {
  const start = local(sys(BRK, 0));
  const end = local(start.plus(5 * PAGE + 3));
  show(sys(BRK, end).eq(end));
  u32.at(end.minus(4)).set(7);
  show(sys(BRK, start.plus(1)).eq(start.plus(1)));
  show(sys(BRK, end).eq(end));
  show(u32.at(end.minus(4)));
  show(sys(BRK, 0xfffffff0).eq(end));
  show(sys(BRK, 4).eq(end));
  ret(3);
});

const NAME = "made", CREATE = 0x242;

const files = fn("files", () => {
  const buffer = localOf(array(u8, 64));
  show(sys(OPEN, "missing", 0));
  const fd = local(sys(OPEN, NAME, CREATE, 0o644));
  show(fd);
  show(sys(WRITE, fd, "hello", 5));
  show(sys(LSEEK, fd, 3, 1));
  show(sys(WRITE, fd, "world\n", 6));
  show(sys(LSEEK, fd, -2, 2));
  show(sys(LSEEK, fd, -1, 0));
  show(sys(LSEEK, fd, 0, 0));
  show(sys(READ, fd, buffer.address, 64));
  write(buffer.address, 14);
  show(sys(READ, fd, buffer.address, 64));
  show(sys(OPEN, NAME, 0xc2, 0));
  const other = local(sys(OPEN, `./${NAME}`, 0));
  show(sys(WRITE, other, "x", 1));
  show(sys(DUP2, other, 9));
  show(sys(READ, 9, buffer.address, 5));
  show(sys(READ, other, buffer.address, 1));
  show(buffer.at(0)); // the position is shared
  show(sys(CLOSE, other));
  show(sys(CLOSE, other));
  show(sys(READ, 9, 0xc0000000, 1));
  show(sys(READ, 9, 0xfffffffe, 4));
  show(sys(FCNTL, 9, 0, 20));
  show(sys(UNLINK, NAME));
  show(sys(OPEN, NAME, 0));
  show(sys(LSEEK, 9, 0, 0));
  show(sys(READ, 9, buffer.address, 1)); // open files outlive their names
  const parts = localOf(array(u32, 4));
  ["one ", "two\n"].forEach((text, i) => {
    parts.at(2 * i).set(text);
    parts.at(2 * i + 1).set(4);
  });
  show(sys(WRITEV, 1, parts.address, 2));
  parts.at(0).set(8);
  show(sys(WRITEV, 1, parts.address, 2));
  show(sys(READ, 0, buffer.address, 1));
  show(sys(9999));
  ret(0);
});

const read_gs = code("read_gs", () => {
  asm.mov(eax, dword(esp, 4));
  asm.mov(gs, ax);
  asm.mov(eax, dword(8).via(gs));
  asm.ret();
});
const area = global("thread_area", array(u32, 4));

const threads = fn("threads", () => {
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
const rewrite = fn("rewrite", () => {
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
const beginning = code("beginning", () => {
  for (const r of [ebx, ecx, edx, esi, edi, ebp]) asm.or(eax, r);
  asm.mov(edx, dword(esp, 8)); // above the return address: argc, argv[0]
  asm.add(eax, dword(esp, 4));
  asm.ret();
});

/** Leaves something in every part of the FPU. */
const untidy = code("untidy", () => {
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

const tidy = fn("tidy", () => {
  const environment = localOf(array(u32, 7)), mxcsr = local(), xmm = localOf(array(u32, 4));
  store_fpu(environment.address, mxcsr.address, xmm.address);
  for (const i of [0, 1, 2]) show(environment.at(i));
  show(mxcsr);
  for (const i of [0, 1, 2, 3]) show(xmm.at(i));
  ret(0);
});

const ending = (name: string, body: () => void): Callable => code(name, body);
const poke = (name: string, address: Given) => fn(name, () => u32.at(address).set(1));

/** Programs that a fault ends. */
const endings: Record<string, Callable> = {
  "ud2": ending("ud2", () => asm.ud2()),
  "divide": ending("divide", () => {
    asm.xor(eax, eax);
    asm.div(eax);
  }),
  "breakpoint": ending("breakpoint", () => asm.int3()),
  "null": poke("null", 0),
  "kernel": poke("kernel", 0xc0001000),
  "hypervisor": poke("hypervisor", 0xf5800000),
  "text": poke("text", addressOf(memory)),
  "privileged": ending("privileged", () => asm.hlt()),
  "port": ending("port", () => raw(0xe6, 0x80)),
  "hypercall": ending("hypercall", () => asm.int(0x82)),
  "selector": ending("selector", () => {
    asm.mov(eax, 0x0b);
    asm.mov(gs, ax);
  }),
  "deep": fn("deep", () => void deeper(0)),
  "nowhere": ending("nowhere", () => asm.jmp(eax)),
};
const deeper = fn("deeper", (n) => {
  localOf(array(u32, 5000)).at(0).set(n);
  deeper(n.plus(1));
});

/** Touches more pages than the loader has; not for Linux. */
export const GLUTTON = fn("glutton", () => {
  const at = local(sys(MMAP2, 0, 0x40000000, RW, ANONYMOUS, -1));
  for_(0, 0x40000, (i) => u32.at(at.plus(i.shl(12))).set(i));
  ret(0);
});

/** Every program by name. */
export const PROGRAMS: Record<string, Callable> = {
  memory,
  heap,
  files,
  threads,
  rewrite,
  untidy,
  tidy,
  beginning,
  ...endings,
};
