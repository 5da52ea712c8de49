// System calls, by int 0x80: number in EAX, arguments in EBX, ECX, EDX, ESI; the result in EAX is a
// negative errno if it failed.

import { EFAULT, EINTR, EINVAL, ENOMEM, ENOSYS } from "../../abi/errors.ts";
import { SHUTDOWN } from "../../abi/numbers.ts";
import { TrapFrame } from "../../abi/structs.ts";
import {
  array,
  callPointer,
  fn,
  if_,
  local,
  localOf,
  ret,
  table,
  u32,
  u64,
  u8,
} from "../../asm/mod.ts";
import type { Callable, Place } from "../../asm/mod.ts";
import { panic, shutdown } from "../../kernel/panic.ts";
import { DATA3 } from "../../kernel/selectors.ts";
import { deadlineIn } from "../../kernel/time.ts";
import { run_selftest } from "../checks/run.ts";
import { basedWords } from "../cpu/gdt.ts";
import { measure } from "../measure/kernel.ts";
import { change_heap, map_pages, unmap_pages } from "../memory/mappings.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { report_for } from "../reports/report.ts";
import { LINE_MAX, process_exec } from "./exec.ts";
import { process_exit, process_wait, waitStatus } from "./exit.ts";
import { file_close, file_duplicate, file_pipe, file_read, file_write } from "./files.ts";
import { process_fork } from "./fork.ts";
import { SYS, SYSTEM_CALLS } from "./numbers.ts";
import { schedule, sleep_for } from "./schedule.ts";
import { send_signal, signal_return } from "./signals.ts";
import { current, SIGNALS, stackTop } from "./task.ts";
import { arm_timer } from "./timer.ts";
import { set_foreground } from "./tty.ts";
import { copy_to_user, text_from_user } from "./user_memory.ts";

type Frame = ReturnType<typeof TrapFrame.at>;
/** A system call: what it answers is the result. */
const call = (name: string, body: (f: Frame, frame: Place) => void): Callable =>
  fn(`sys_${name}`, (frame) => body(TrapFrame.at(frame), frame));

/** Stores a word at a program's address, if it gave one. */
const give = (where: Place, value: Parameters<typeof local>[0]) => {
  const word = local(value);
  if_(where.ne(0), () => if_(copy_to_user(where, word.address, 4).ne(0), () => ret(-EFAULT)));
};

const calls: Record<keyof typeof SYS, Callable> = {
  exit: call("exit", (f) => void process_exit(f.ebx.and(0xff))),
  fork: call("fork", (_f, frame) => ret(process_fork(frame))),
  read: call("read", (f) => ret(file_read(f.ebx, f.ecx, f.edx))),
  write: call("write", (f) => ret(file_write(f.ebx, f.ecx, f.edx))),
  close: call("close", (f) => ret(file_close(f.ebx))),
  waitpid: call("waitpid", (f) => {
    const pid = local(process_wait(f.ebx, f.edx));
    if_(pid.eq(0).either(() => pid.isNegative()), () => ret(pid));
    give(f.ecx, waitStatus);
    ret(pid);
  }),
  exec: call("exec", (f, frame) => {
    const line = localOf(array(u8, LINE_MAX));
    if_(text_from_user(line.address, f.ebx, LINE_MAX).ne(0), () => ret(-EFAULT));
    const failed = local(process_exec(frame, line.address));
    ret(failed);
  }),
  getpid: call("getpid", () => ret(current.pid)),
  kill: call("kill", (f) => ret(send_signal(f.ebx, f.ecx))),
  pipe: call("pipe", (f) => {
    const ends = local(file_pipe());
    if_(ends.isNegative(), () => ret(ends));
    const two = localOf(array(u32, 2));
    two.at(0).set(ends.and(0xffff));
    two.at(1).set(ends.shr(16));
    ret(copy_to_user(f.ebx, two.address, 8));
  }),
  brk: call("brk", (f) => ret(change_heap(current.mm, f.ebx))),
  signal: call("signal", (f) => {
    if_(f.ebx.eq(0).either(() => f.ebx.ge(SIGNALS)), () => ret(-EINVAL));
    current.handlers.at(f.ebx).set(f.ecx);
    current.signal_back.set(f.edx);
    ret(0);
  }),
  dup2: call("dup2", (f) => ret(file_duplicate(f.ebx, f.ecx))),
  mmap: call("mmap", (f) => {
    const address = local(map_pages(current.mm, f.ebx));
    if_(address.eq(0), () => ret(-ENOMEM));
    ret(address);
  }),
  munmap: call("munmap", (f) => ret(unmap_pages(current.mm, f.ebx))),
  signal_return: call("signal_return", (_f, frame) => ret(signal_return(frame))),
  yield: call("yield", () => {
    schedule();
    ret(0);
  }),
  sleep: call("sleep", (f) => {
    deadlineIn(f.ebx.times(1_000_000), current.wake_at.address);
    arm_timer();
    const nobody = local(0);
    sleep_for(nobody.address);
    if_(current.pending.ne(0), () => ret(-EINTR));
    ret(0);
  }),
  set_tls: call("set_tls", (f) => {
    const { low, high } = basedWords(f.ebx, DATA3);
    current.tls_low.set(low);
    current.tls_high.set(high);
    pvCpu.call.load_tls(current.tls_low, current.tls_high);
    ret(0);
  }),
  report: call("report", (f) => ret(report_for(f.ebx, f.ecx, f.edx, f.esi))),
  measure: call("measure", (f) => ret(measure(f.ebx, f.ecx))),
  selftest: call("selftest", () => ret(run_selftest())),
  foreground: call("foreground", (f) => {
    set_foreground(f.ebx);
    ret(0);
  }),
  shutdown: call("shutdown", (f) => {
    if_(f.ebx.eq(SHUTDOWN.crash), () => void panic("crash asked for"));
    shutdown(f.ebx);
  }),
  time: call("time", (f) => {
    const now = localOf(u64);
    deadlineIn(0, now.address);
    ret(copy_to_user(f.ebx, now.address, 8));
  }),
  probe: call("probe", (_f, frame) => {
    ret(stackTop(current.address).minus(TrapFrame.size).minus(frame));
  }),
};

const unknown = call("unknown", () => ret(-ENOSYS));
const callTable = table("system_calls", () => {
  const all: Callable[] = Array(SYSTEM_CALLS).fill(unknown);
  for (const [name, n] of Object.entries(SYS)) all[n] = calls[name as keyof typeof SYS];
  return all;
});

/** (frame): does the call; its result goes to EAX, where a call that goes elsewhere finds it too. */
export const do_system_call = fn("skiff_system_call", (frame) => {
  const f = TrapFrame.at(frame);
  const number = local(f.eax);
  if_(number.ge(SYSTEM_CALLS), () => {
    f.eax.set(-ENOSYS);
    ret();
  });
  const result = local(callPointer(u32.at(number.times(4).plus(callTable)), frame));
  f.eax.set(result);
});
