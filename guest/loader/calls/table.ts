// The system calls by number (i386), and the way to each.

import { ENOSYS } from "../../abi/numbers.ts";
import { TrapFrame } from "../../abi/structs.ts";
import {
  addressOf,
  array,
  callPointer,
  fn,
  global,
  if_,
  local,
  ret,
  table,
} from "../../asm/mod.ts";
import { u32, u8 } from "../../asm/mod.ts";
import type { Callable } from "../../asm/mod.ts";
import { log_number } from "../log.ts";
import * as file from "./files.ts";
import * as memory from "./memory.ts";
import * as process from "./process.ts";
import * as stat from "./stat.ts";
import * as time from "./time.ts";

/** Calls that have nothing to do here and succeed: there are no signals, threads or owners. */
const nothing = stat.sys_ignored;
/** Calls that tell user and group: all zero. */
const root = stat.sys_ignored;

/** A C library starts with rseq, and does without: so it is refused without a report. */
const refused = fn("sys_refused", () => ret(-ENOSYS));

const CALLS: Record<number, Callable> = {
  1: process.sys_exit,
  3: file.sys_read,
  4: file.sys_write,
  5: file.sys_open,
  6: file.sys_close,
  10: file.sys_unlink,
  13: time.sys_time,
  15: nothing, // chmod
  19: file.sys_lseek,
  20: process.sys_getpid,
  33: stat.sys_access,
  37: process.sys_kill,
  41: file.sys_dup,
  45: memory.sys_brk,
  54: file.sys_ioctl,
  60: process.sys_umask,
  63: file.sys_dup2,
  64: process.sys_getppid,
  78: time.sys_gettimeofday,
  85: process.sys_readlink,
  91: memory.sys_munmap,
  94: nothing, // fchmod
  116: process.sys_sysinfo,
  122: process.sys_uname,
  125: memory.sys_mprotect,
  140: file.sys_llseek,
  145: file.sys_readv,
  146: file.sys_writev,
  163: memory.sys_mremap,
  172: process.sys_prctl,
  174: nothing, // rt_sigaction
  175: nothing, // rt_sigprocmask
  183: file.sys_getcwd,
  191: process.sys_ugetrlimit,
  192: memory.sys_mmap2,
  194: file.sys_ftruncate64,
  195: stat.sys_stat64,
  196: stat.sys_stat64, // lstat64
  197: stat.sys_fstat64,
  199: root, // getuid32
  200: root, // getgid32
  201: root, // geteuid32
  202: root, // getegid32
  207: nothing, // fchown32
  221: file.sys_fcntl,
  224: process.sys_getpid, // gettid
  243: process.sys_set_thread_area,
  252: process.sys_exit, // exit_group
  258: process.sys_getpid, // set_tid_address
  265: time.sys_clock_gettime,
  270: process.sys_tgkill,
  295: file.sys_openat,
  300: stat.sys_fstatat64,
  301: file.sys_unlinkat,
  306: nothing, // fchmodat
  311: nothing, // set_robust_list
  320: nothing, // utimensat
  330: file.sys_dup2, // dup3
  340: process.sys_prlimit64,
  355: process.sys_getrandom,
  383: stat.sys_statx,
  386: refused, // rseq
  403: time.sys_clock_gettime64,
  412: nothing, // utimensat_time64
};

const COUNT = 450;
const handlers = table("system_calls", () =>
  Array.from({ length: COUNT }, (_, n) => {
    const call = CALLS[n];
    return call ? addressOf(call.label) : 0;
  }));
const reported = global("reported_calls", array(u8, COUNT));

/** (number): -ENOSYS, with a line in the hypervisor's log the first time. */
const unknown_call = fn("unknown_call", (number) => {
  if_(number.lt(COUNT), () => {
    if_(reported.at(number).ne(0), () => ret(-ENOSYS));
    reported.at(number).set(1);
  });
  log_number("loader: no system call ", number);
  ret(-ENOSYS);
});

/** (frame): does the call whose number is in EAX; its result goes there. */
export const system_call = fn("system_call", (frame) => {
  const f = TrapFrame.at(frame);
  const number = local(f.eax), handler = local(0);
  if_(number.lt(COUNT), () => handler.set(u32.at(number.times(4).plus(handlers))));
  if_(handler.eq(0), () => {
    f.eax.set(unknown_call(number));
    ret();
  });
  f.eax.set(callPointer(handler, f.ebx, f.ecx, f.edx, f.esi, f.edi, f.ebp));
});
