// New tasks.

import {
  addressOf,
  asm,
  code,
  edx,
  fn,
  for_,
  global,
  if_,
  local,
  ret,
  u32,
} from "../../asm/mod.ts";
import { DATA3, FLAT_LOW } from "../../kernel/selectors.ts";
import { clear_words, copy, length_of } from "../../kernel/strings.ts";
import { process_exit } from "./exit.ts";
import { SWITCH_WORDS } from "./switch.ts";
import { current, MAX_TASKS, stackTop, STATE, Task, taskAt } from "./task.ts";

const lastPid = global("last_pid", u32);

/** (task, name): what `ps` calls it. */
export const name_task = fn("name_task", (task, name) => {
  const n = local(length_of(name));
  if_(n.gt(15), () => n.set(15));
  const field = Task.at(task).name;
  copy(field.address, name, n);
  field.at(n).set(0);
});

/** (name): a task with a number, that does not run yet; 0 if there is no slot. */
export const task_create = fn("task_create", (name) => {
  for_(0, MAX_TASKS, (i) => {
    const task = local(taskAt(i));
    const t = Task.at(task);
    if_(t.state.eq(STATE.free), () => {
      clear_words(task, Task.size);
      lastPid.inc();
      t.pid.set(lastPid);
      t.parent.set(current.address);
      t.state.set(STATE.starting);
      t.cpu.set(current.cpu);
      t.tls_low.set(FLAT_LOW);
      t.tls_high.set(DATA3);
      name_task(task, name);
      ret(task);
    });
  });
  ret(0);
});

/** (task, stack, entry): its first turn begins at `entry` with the stack pointer at `stack`. */
export const start_at = fn("start_at", (task, stack, entry) => {
  const frame = local(stack.minus(4 * SWITCH_WORDS));
  clear_words(frame, 4 * SWITCH_WORDS);
  u32.at(frame.plus(4 * (SWITCH_WORDS - 1))).set(entry);
  Task.at(task).esp.set(frame);
});

/** Where a kernel thread starts: its function lies on the stack. */
const thread_start = code("thread_start", () => {
  asm.pop(edx);
  asm.call(edx);
  asm.push(0);
  asm.call(process_exit);
});

/** (name, function): a task that stays in the kernel; not runnable yet. */
export const kernel_thread = fn("kernel_thread", (name, body) => {
  const task = local(task_create(name));
  if_(task.eq(0), () => ret(0));
  const stack = local(stackTop(task).minus(16));
  u32.at(stack).set(body);
  start_at(task, stack, addressOf(thread_start.label));
  ret(task);
});
