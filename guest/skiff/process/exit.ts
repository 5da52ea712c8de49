// The end of a task, and waiting for it.

import { ECHILD, EINTR } from "../../abi/errors.ts";
import { fn, for_, forever, global, if_, local, ret, u32 } from "../../asm/mod.ts";
import { panic } from "../../kernel/panic.ts";
import { mm_destroy } from "../memory/address_space.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { close_all } from "./files.ts";
import { schedule, sleep_for } from "./schedule.ts";
import { wake_up } from "./sleep.ts";
import { use_mm } from "./switch.ts";
import { current, MAX_TASKS, STATE, Task, taskAt } from "./task.ts";

/** The first process: it takes in those whose parent has ended. */
export const initTask = global("init_task", u32);

/** (status): ends the task that runs. Its slot stays until somebody has asked for the status. */
export const process_exit = fn("process_exit", (status) => {
  const me = local(current.address);
  if_(me.eq(initTask), () => void panic("the first process ended"));
  close_all();
  current.status.set(status);
  const mm = local(current.mm);
  if_(mm.ne(0), () => {
    current.mm.set(0);
    use_mm(0);
    mm_destroy(mm);
  });
  for_(0, MAX_TASKS, (i) => {
    const child = Task.at(taskAt(i));
    if_(child.state.ne(STATE.free).both(() => child.parent.eq(me)), () => {
      child.parent.set(initTask);
      wake_up(initTask);
    });
  });
  // Its registers go with it; whoever comes next must not find them.
  if_(current.fpu_live.ne(0), () => {
    current.fpu_live.set(0);
    pvCpu.call.stts();
  });
  current.state.set(STATE.ended);
  wake_up(current.parent);
  schedule();
  panic("an ended task runs");
});

/** What `process_wait` found: the status of the child that ended. */
export const waitStatus = global("wait_status", u32);

/** (pid, or -1 for any child; 1 to look only): waits for its end; its pid, 0, or a negative errno. */
export const process_wait = fn("process_wait", (pid, look) => {
  const me = local(current.address);
  forever(() => {
    const children = local(0);
    for_(0, MAX_TASKS, (i) => {
      const t = Task.at(taskAt(i));
      if_(
        t.state.ne(STATE.free).both(() => t.parent.eq(me)).both(() =>
          pid.eq(-1).either(() => t.pid.eq(pid))
        ),
        () => {
          children.inc();
          if_(t.state.eq(STATE.ended), () => {
            waitStatus.set(t.status);
            t.state.set(STATE.free);
            ret(t.pid);
          });
        },
      );
    });
    if_(children.eq(0), () => ret(-ECHILD));
    if_(look.ne(0), () => ret(0));
    if_(current.pending.ne(0), () => ret(-EINTR));
    sleep_for(me);
  });
});
