// Who runs. Each processor takes the next task in turn that may run and does not; with none, its
// own idle loop.

import { fn, for_, forever, global, if_, local, ret, u32 } from "../../asm/mod.ts";
import { lock_kernel, unlock_kernel } from "../cpu/lock.ts";
import { pvIrq } from "../paravirt/ops.ts";
import { context_switch } from "./switch.ts";
import { current, MAX_TASKS, STATE, Task, taskAt, thisCpu } from "./task.ts";
import { arm_timer } from "./timer.ts";

/** Whose turn it was. */
const turn = global("schedule_turn", u32);

/** The next task that may run, 0 if there is none. */
const pick = fn("pick_task", () => {
  for_(0, MAX_TASKS, (_i) => {
    turn.inc();
    if_(turn.ge(MAX_TASKS), () => turn.set(0));
    const task = local(taskAt(turn));
    if_(Task.at(task).state.eq(STATE.runnable), () => ret(task));
  });
  ret(0);
});

/** Gives up the processor; returns when it is this task's turn again. Interrupts are off. */
export const schedule = fn("schedule", () => {
  thisCpu.need_resched.set(0);
  const idle = local(thisCpu.idle);
  const me = local(current.address);
  if_(me.ne(idle).both(() => current.state.eq(STATE.running)), () => {
    current.state.set(STATE.runnable);
  });
  const next = local(pick());
  if_(next.eq(0), () => next.set(idle));
  if_(next.ne(idle), () => {
    Task.at(next).state.set(STATE.running);
    arm_timer();
  });
  if_(next.ne(me), () => void context_switch(next));
});

/** (channel): sleeps until somebody wakes who sleeps for it. */
export const sleep_for = fn("sleep_for", (channel) => {
  current.channel.set(channel);
  current.state.set(STATE.asleep);
  schedule();
});

/** The loop of a processor without work. It comes here with the kernel lock and interrupts off. */
export const idle_loop = fn("idle_loop", () => {
  forever(() => {
    schedule();
    // Whoever makes a task runnable from here on sends an interrupt.
    thisCpu.idling.set(1);
    unlock_kernel();
    pvIrq.call.safe_halt();
    pvIrq.call.irq_disable();
    lock_kernel();
    thisCpu.idling.set(0);
  });
});
