// The clock tick: a one-shot timer for each processor, set anew while it has a program to run or
// somebody sleeps for a time.

import { VIRQ } from "../../abi/numbers.ts";
import { addressOf, fn, for_, if_, local, localOf, ret, u64 } from "../../asm/mod.ts";
import { bind_virq } from "../../kernel/events.ts";
import { set_timer_op } from "../../kernel/hypercalls.ts";
import { panic } from "../../kernel/panic.ts";
import { deadlineIn } from "../../kernel/time.ts";
import { own_port } from "../cpu/cpu.ts";
import { wake_task } from "./sleep.ts";
import { current, MAX_TASKS, STATE, Task, taskAt, thisCpu } from "./task.ts";

/** Nanoseconds between ticks. */
export const TICK = 10_000_000;

/** Sees to it that a tick comes. */
export const arm_timer = fn("arm_timer", () => {
  if_(thisCpu.timer_armed.ne(0), () => ret());
  thisCpu.timer_armed.set(1);
  const at = localOf(u64);
  deadlineIn(TICK, at.address);
  set_timer_op(at.low, at.high);
});

/** Whether somebody's time to wake up has come; those wake up. Not 0 if others go on sleeping. */
const wake_sleepers = fn("wake_sleepers", () => {
  const now = localOf(u64);
  deadlineIn(0, now.address);
  const left = local(0);
  for_(0, MAX_TASKS, (i) => {
    const task = local(taskAt(i));
    const t = Task.at(task);
    if_(t.state.eq(STATE.asleep).both(() => t.wake_at.low.or(t.wake_at.high).ne(0)), () => {
      if_(
        t.wake_at.high.lt(now.high).either(() =>
          t.wake_at.high.eq(now.high).both(() => t.wake_at.low.le(now.low))
        ),
        () => void wake_task(task),
        () => left.inc(),
      );
    });
  });
  ret(left);
});

/** VIRQ_TIMER: time to look whether somebody else should run. */
const timer_event = fn("tick_event", (_port) => {
  const cpu = thisCpu;
  cpu.timer_armed.set(0);
  cpu.ticks.inc();
  current.ticks.inc();
  cpu.need_resched.set(1);
  const left = local(wake_sleepers());
  if_(current.pid.ne(0).either(() => left.ne(0)), () => void arm_timer());
});

/** Gives this processor its tick. */
export const timer_init = fn("timer_init", () => {
  const port = local(bind_virq(VIRQ.timer, thisCpu.index, addressOf(timer_event)));
  if_(port.isNegative(), () => void panic("no timer"));
  thisCpu.timer_port.set(port);
  own_port(current.cpu, port);
});
