// The other processors: each is given an idle task and starts in its idle loop.

import { SCHEDOP, VCPUOP } from "../../abi/numbers.ts";
import { addressOf, asm, code, fn, for_, if_, local, ret, while_ } from "../../asm/mod.ts";
import { sched_op, vcpu_op } from "../../kernel/hypercalls.ts";
import { dec, print } from "../../kernel/print.ts";
import { pvInit } from "../paravirt/ops.ts";
import { idle_loop } from "../process/schedule.ts";
import { cpu_init, cpu_prepare } from "./setup.ts";
import { cpuCount, cpus, MAX_CPUS } from "./cpu.ts";
import { lock_kernel, unlock_kernel } from "./lock.ts";

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
  for_(1, MAX_CPUS, (i) => {
    // A number that there is no vCPU for is an error.
    if_(vcpu_op(VCPUOP.is_up, i, 0).isNegative(), () => ret());
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
      sched_op(SCHEDOP.yield, 0);
      lock_kernel();
    });
  });
});
