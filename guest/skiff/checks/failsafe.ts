// The failsafe callback, provoked: a segment register that does not load any more when the vCPU comes
// back, and a return to where there is nothing to return to.

import { HYPERCALL, SCHEDOP } from "../../abi/numbers.ts";
import { TrapFrame } from "../../abi/structs.ts";
import { asm, code, eax, ecx, fn, for_, fs, if_, local, ret, u32 } from "../../asm/mod.ts";
import { hypercallSlot, sched_op } from "../../kernel/hypercalls.ts";
import { DATA1, FLAT_LOW, KERNEL_DS } from "../../kernel/selectors.ts";
import { cpus, MAX_CPUS } from "../cpu/cpu.ts";
import { ABSENT, SPARE, SPARE_ENTRY } from "../cpu/gdt.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { xen_iret } from "../process/entries.ts";
import { process_spawn } from "../process/exec.ts";
import { process_wait, waitStatus } from "../process/exit.ts";
import { silent } from "../process/signals.ts";
import { wake_task } from "../process/sleep.ts";
import { stackTop, Task, thisCpu } from "../process/task.ts";
import { subject } from "./check.ts";

const set_fs = code("check_set_fs", () => {
  asm.mov(eax, SPARE);
  asm.mov(fs, eax);
  asm.ret();
});
/** FS, and the kernel's selector put back. */
const take_fs = code("check_take_fs", () => {
  asm.xor(eax, eax);
  asm.push(fs);
  asm.pop(eax);
  asm.and(eax, 0xffff);
  asm.mov(ecx, KERNEL_DS);
  asm.mov(fs, ecx);
  asm.ret();
});

/** The way out by hypercall, whatever the frame. */
const iret_by_hypercall = code(
  "check_iret_hypercall",
  () => asm.jmp(hypercallSlot(HYPERCALL.iret)),
);

/** A program whose frame names a stack segment that is not present; the status it ends with. */
const run_with_bad_stack = fn("check_bad_stack", () => {
  const task = local(process_spawn("echo"));
  if_(task.eq(0), () => ret(-1));
  TrapFrame.at(stackTop(task).minus(TrapFrame.size)).ss.set(ABSENT);
  silent.set(1);
  wake_task(task);
  process_wait(Task.at(task).pid, 0);
  silent.set(0);
  ret(waitStatus);
});

/** Failsafe callbacks and bad IRETs so far, on all processors. */
const total = (field: "failsafes" | "bad_irets") =>
  fn(`check_total_${field}`, () => {
    const sum = local(0);
    for_(0, MAX_CPUS, (i) => sum.add(cpus.at(i)[field]));
    ret(sum);
  });
const failsafes = total("failsafes"), bad_irets = total("bad_irets");

export const check_failsafe = subject("failsafe", (check) => {
  const entry = local(thisCpu.gdt.plus(SPARE_ENTRY * 8));
  pvCpu.call.write_gdt_entry(entry, FLAT_LOW, DATA1);
  set_fs();
  const before = local(thisCpu.failsafes);
  // Not present any more, and then this vCPU is off for a while.
  pvCpu.call.write_gdt_entry(entry, FLAT_LOW, DATA1 & ~0x8000);
  sched_op(SCHEDOP.yield, 0);
  const selector = local(take_fs());
  check("a segment that does not load any more calls it", thisCpu.failsafes.eq(before.plus(1)));
  check("and is null then", selector.eq(0));

  const faulted = local(bad_irets());
  check("a bad IRET ends its program", run_with_bad_stack().eq(128 + 11));
  check("and was one", bad_irets().eq(faulted.plus(1)));
  // With Xen's limits of 2007, the hypervisor's own IRET fails and this is told by the callback too.
  pvCpu.replace("iret", iret_by_hypercall);
  const calls = local(failsafes().plus(bad_irets()));
  const status = local(run_with_bad_stack());
  pvCpu.replace("iret", xen_iret);
  check("a bad iret hypercall ends its program", status.eq(128 + 11));
  const limit = local(u32.at(thisCpu.gdt.plus(KERNEL_DS & ~7)).and(0xffff));
  if_(limit.ne(0xffff), () => {
    check("by way of the failsafe callback", failsafes().plus(bad_irets()).ge(calls.plus(2)));
  });
});
