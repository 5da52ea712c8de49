// The other processors: each is given an idle task and starts in its idle loop.

import { addressOf, asm, code, fn, for_, if_, local, ret, while_ } from "../../asm/mod.ts";
import { dec, print } from "../../kernel/print.ts";
import { pvInit, pvIrq } from "../paravirt/ops.ts";
import { idle_loop } from "../process/schedule.ts";
import { cpuCount, cpus, MAX_CPUS } from "./cpu.ts";
import { lock_kernel, unlock_kernel } from "./lock.ts";
import { cpu_init, cpu_prepare } from "./setup.ts";

const secondary_main = fn("secondary_main", () => {
  lock_kernel();
  cpu_init();
  idle_loop();
});
/** Where another processor starts, on its idle task's stack, with interrupts off. */
const secondary_start = code("secondary_start", () => {
  asm.cld();
  asm.call(secondary_main);
});

/** Starts all that there are. */
export const smp_init = fn("smp_init", () => {
  const count = local(pvInit.call.processors());
  if_(count.gt(MAX_CPUS), () => count.set(MAX_CPUS));
  for_(1, count, (i) => {
    cpu_prepare(i);
    const cpu = local(cpus.at(i).address);
    const result = local(
      pvInit.call.boot_vcpu(cpu, cpus.at(i).idle, addressOf(secondary_start.label)),
    );
    if_(result.isNegative(), () => {
      print`processor ${dec(i)} does not start: error ${dec(result.times(-1))}\n`;
      ret();
    });
    cpuCount.inc();
    while_(() => cpus.at(i).online.eq(0), () => {
      unlock_kernel();
      pvIrq.call.relax();
      lock_kernel();
    });
  });
});
