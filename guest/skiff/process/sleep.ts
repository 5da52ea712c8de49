// Sleeping and waking up. Tasks sleep for an address that stands for what they wait for; whoever
// brings it wakes all that sleep for it, and they look again. The kernel lock sees to it that nothing
// comes between looking and sleeping.

import { fn, for_, if_, local, ret } from "../../asm/mod.ts";
import { send_event } from "../../kernel/events.ts";
import { cpuCount, cpus } from "../cpu/cpu.ts";
import { MAX_TASKS, STATE, Task, taskAt, thisCpu } from "./task.ts";

/** Wakes one processor that has nothing to do, by an interrupt. */
const kick_idle = fn("kick_idle", () => {
  for_(0, cpuCount, (i) => {
    const cpu = cpus.at(i);
    if_(cpu.idling.ne(0).both(() => i.ne(thisCpu.index)), () => {
      cpu.idling.set(0);
      send_event(cpu.ipi_port);
      ret();
    });
  });
});

/** (task): it may run. */
export const wake_task = fn("wake_task", (task) => {
  const t = Task.at(task);
  t.state.set(STATE.runnable);
  t.channel.set(0);
  t.wake_at.set(0, 0);
  thisCpu.need_resched.set(1);
  kick_idle();
});

/** (channel): wakes whoever sleeps for it. */
export const wake_up = fn("wake_up", (channel) => {
  for_(0, MAX_TASKS, (i) => {
    const task = local(taskAt(i));
    const t = Task.at(task);
    if_(t.state.eq(STATE.asleep).both(() => t.channel.eq(channel)), () => void wake_task(task));
  });
});
