// Skiff: a small PV kernel. What it does, in order.

import {
  addressOf,
  asm,
  code,
  ebp,
  esi,
  esp,
  fn,
  forever,
  if_,
  local,
  while_,
} from "../asm/mod.ts";
import { console_init } from "../kernel/console.ts";
import { control_init } from "../kernel/control.ts";
import { events_init } from "../kernel/events.ts";
import { memory_init } from "../kernel/memory.ts";
import { panic } from "../kernel/panic.ts";
import { bootStackEnd } from "../kernel/setup.ts";
import { startInfoAddress } from "../kernel/state.ts";
import { store_init } from "../kernel/xenstore.ts";
import { quiet } from "./checks/check.ts";
import { run_selftest } from "./checks/run.ts";
import { cpuCount } from "./cpu/cpu.ts";
import { lock_kernel } from "./cpu/lock.ts";
import { boot_cpu_init, cpu_prepare } from "./cpu/setup.ts";
import { smp_init } from "./cpu/smp.ts";
import { paging_init } from "./memory/paging.ts";
import { use_xen } from "./paravirt/enter.ts";
import { pvInit } from "./paravirt/ops.ts";
import { kernel_thread } from "./process/create.ts";
import { process_spawn } from "./process/exec.ts";
import { initTask, process_wait } from "./process/exit.ts";
import { idle_loop } from "./process/schedule.ts";
import { wake_task } from "./process/sleep.ts";
import { idleTask, Task } from "./process/task.ts";
import { set_foreground, tty_init } from "./process/tty.ts";

/** The first process: the checks, then the shell. */
const init = fn("init", () => {
  quiet.set(1);
  run_selftest();
  quiet.set(0);
  forever(() => {
    const shell = local(process_spawn("sh"));
    if_(shell.eq(0), () => void panic("no shell"));
    wake_task(shell);
    while_(() => process_wait(-1, 0).ne(Task.at(shell).pid), () => void set_foreground(0));
  });
});

const kernel_main = fn("kernel_main", () => {
  console_init();
  memory_init(bootStackEnd);
  events_init();
  cpu_prepare(0);
  cpuCount.set(1);
  lock_kernel();
  pvInit.call.arch_setup();
  pvInit.call.banner();
  paging_init();
  boot_cpu_init();
  store_init();
  control_init();
  tty_init();
  smp_init();
  initTask.set(kernel_thread("init", addressOf(init.label)));
  wake_task(initTask);
  idle_loop();
});

/**
 * The Xen entry point. We are in ring 1 with flat segments, the builder's page tables loaded, events
 * masked, start_info in ESI and a boot stack of one page in ESP.
 */
export const start = code("start", () => {
  asm.cld();
  asm.mov(startInfoAddress, esi);
  asm.mov(bootStackEnd, esp);
  // The first processor's idle task has the stack on which everything begins.
  asm.mov(esp, idleTask(1).operand());
  asm.sub(esp, 16);
  asm.xor(ebp, ebp);
  asm.call(use_xen);
  asm.call(kernel_main);
});
