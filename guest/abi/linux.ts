// What a 32-bit Linux program expects of its kernel: numbers of system calls, errors and layouts,
// as the manual pages (section 2, elf(5), getauxval(3), cpio(5)) and the i386 ABI supplement say.

import { array, padding, struct, u16, u32, u64, u8 } from "../asm/mod.ts";
import type { Value } from "../asm/mod.ts";

export * from "./errors.ts";

/** Whether a result is a negative errno: no address is as high as these. */
export const isError = (result: Value): Value => result.ge(-4095);

/** Signals by which a program can end. */
export const SIG = { int: 2, ill: 4, trap: 5, bus: 7, fpe: 8, kill: 9, segv: 11 } as const;

export const PROT = { read: 1, write: 2, exec: 4 } as const;
export const MAP = { fixed: 0x10, anonymous: 0x20 } as const;
export const MREMAP = { maymove: 1 } as const;
export const O = { accmode: 3, creat: 0x40, excl: 0x80, trunc: 0x200, append: 0x400 } as const;
export const S = { ififo: 0x1000, ifreg: 0x8000, ifmt: 0xf000 } as const;

export const ElfHeader = struct("Elf32_Ehdr", {
  ident: array(u8, 16),
  type: u16,
  machine: u16,
  version: u32,
  entry: u32,
  phoff: u32,
  shoff: u32,
  flags: u32,
  ehsize: u16,
  phentsize: u16,
  phnum: u16,
  shentsize: u16,
  shnum: u16,
  shstrndx: u16,
});
export const ProgramHeader = struct("Elf32_Phdr", {
  type: u32,
  offset: u32,
  vaddr: u32,
  paddr: u32,
  filesz: u32,
  memsz: u32,
  flags: u32,
  align: u32,
});
export const ELF = { magic: 0x464c457f, class32: 1, exec: 2, i386: 3, load: 1, write: 2 } as const;

/** Types of the auxiliary vector's entries. */
export const AT = {
  phdr: 3,
  phent: 4,
  phnum: 5,
  pagesz: 6,
  entry: 9,
  uid: 11,
  euid: 12,
  gid: 13,
  egid: 14,
  platform: 15,
  hwcap: 16,
  clktck: 17,
  secure: 23,
  random: 25,
  execfn: 31,
} as const;

/** What set_thread_area(2) takes. */
export const UserDesc = struct("user_desc", {
  entry_number: u32,
  base_addr: u32,
  limit: u32,
  flags: u32,
});

export const Statx = struct("statx", {
  mask: u32,
  blksize: u32,
  attributes: u64,
  nlink: u32,
  uid: u32,
  gid: u32,
  mode: u16,
  spare: u16,
  ino: u64,
  size: u64,
  blocks: u64,
  rest: padding(256 - 56),
});
/** What the older calls give: struct stat64 of the kernel, with words for its 64-bit integers' parts. */
export const Stat64 = struct("stat64", {
  dev: u64,
  pad: u32,
  short_ino: u32,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u64,
  pad2: u32,
  size: u64,
  blksize: u32,
  blocks: u64,
  times: array(u32, 6),
  ino: u64,
});
export const STATX_BASIC = 0x7ff;

export const Sysinfo = struct("sysinfo", {
  uptime: u32,
  loads: array(u32, 3),
  totalram: u32,
  freeram: u32,
  sharedram: u32,
  bufferram: u32,
  totalswap: u32,
  freeswap: u32,
  procs: u16,
  pad: u16,
  totalhigh: u32,
  freehigh: u32,
  mem_unit: u32,
  rest: padding(8),
});
