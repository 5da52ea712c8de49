// Programs run for a check.

import { fn, if_, local, ret } from "../../asm/mod.ts";
import type { Given, Value } from "../../asm/mod.ts";
import { process_spawn } from "../process/exec.ts";
import { process_wait, waitStatus } from "../process/exit.ts";
import { silent } from "../process/signals.ts";
import { wake_task } from "../process/sleep.ts";
import { Task } from "../process/task.ts";
import { GOOD } from "../programs/probes.ts";

/** (line): runs a program to its end; its status, or -1 if it could not be started. */
export const run_program = fn("check_run_program", (line) => {
  const task = local(process_spawn(line));
  if_(task.eq(0), () => ret(-1));
  silent.set(1);
  wake_task(task);
  process_wait(Task.at(task).pid, 0);
  silent.set(0);
  ret(waitStatus);
});

/** Whether a probe ends as it should. */
export const runs_well = (line: Given): Value => run_program(line).eq(GOOD);
