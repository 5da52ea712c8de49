// Fork: a second process that goes on where the first does, with 0 for an answer.

import { EAGAIN } from "../../abi/errors.ts";
import { TrapFrame } from "../../abi/structs.ts";
import { addressOf, fn, if_, local, ret } from "../../asm/mod.ts";
import { copy } from "../../kernel/strings.ts";
import { mm_copy } from "../memory/fork.ts";
import { start_at, task_create } from "./create.ts";
import { share_files } from "./files.ts";
import { trapReturnFirst } from "./first.ts";
import { wake_task } from "./sleep.ts";
import { fpu_save } from "./switch.ts";
import { current, MAX_FILES, SIGNALS, stackTop, STATE, Task } from "./task.ts";

/** (frame): the child's pid, or a negative errno. */
export const process_fork = fn("process_fork", (frame) => {
  const task = local(task_create(current.name.address));
  if_(task.eq(0), () => ret(-EAGAIN));
  const child = Task.at(task);
  const mm = local(mm_copy(current.mm));
  if_(mm.eq(0), () => {
    child.state.set(STATE.free);
    ret(-EAGAIN);
  });
  child.mm.set(mm);
  child.tls_low.set(current.tls_low);
  child.tls_high.set(current.tls_high);
  child.signal_back.set(current.signal_back);
  copy(child.handlers.address, current.handlers.address, 4 * SIGNALS);
  copy(child.files.address, current.files.address, 4 * MAX_FILES);
  share_files(task);
  if_(current.fpu_live.ne(0), () => void fpu_save(current.fpu.address));
  child.fpu_used.set(current.fpu_used);
  copy(child.fpu.address, current.fpu.address, 512);
  const twin = local(stackTop(task).minus(TrapFrame.size));
  copy(twin, frame, TrapFrame.size);
  TrapFrame.at(twin).eax.set(0);
  start_at(task, twin, addressOf(trapReturnFirst.label));
  wake_task(task);
  ret(child.pid);
});
