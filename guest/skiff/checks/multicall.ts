// Multicalls: each entry its result, batches that wait, that flow over, and that tell what failed.

import { ENOSYS } from "../../abi/errors.ts";
import { SIG } from "../../abi/linux.ts";
import { HYPERCALL, PTE, XENVER } from "../../abi/numbers.ts";
import { MulticallEntry } from "../../abi/structs.ts";
import { array, fn, for_, if_, local, localOf, ret, u32, u64 } from "../../asm/mod.ts";
import { multicall } from "../../kernel/hypercalls.ts";
import { mfn_of } from "../../kernel/memory.ts";
import { BATCH_CALLS, cpuCount } from "../cpu/cpu.ts";
import { kernelMm } from "../memory/address_space.ts";
import { SCRATCH } from "../memory/layout.ts";
import { need_page, pfnOf, put_page } from "../memory/pages.ts";
import { kernel_pte } from "../memory/paging.ts";
import { batch, batches, failure, LAZY, overflows } from "../paravirt/multicalls.ts";
import { pvMmu } from "../paravirt/ops.ts";
import { process_spawn } from "../process/exec.ts";
import { process_wait } from "../process/exit.ts";
import { schedule } from "../process/schedule.ts";
import { send_signal } from "../process/signals.ts";
import { wake_task } from "../process/sleep.ts";
import { Task, thisCpu } from "../process/task.ts";
import { subject } from "./check.ts";

/** Batches so far. */
const batches_sent = fn("check_batches", () => {
  const sum = local(0);
  for_(1, BATCH_CALLS + 1, (n) => sum.add(batches.at(n)));
  ret(sum);
});

/** (): runs beside a program that only computes; 1 if each switch took one multicall. */
const one_each = fn("check_switches", () => {
  const task = local(process_spawn("probe-spin"));
  if_(task.eq(0), () => ret(0));
  wake_task(task);
  // Its first turns bring its pages; where the host is slow a turn is over before it has begun.
  for_(0, 32, (_i) => void schedule());
  const switches = local(thisCpu.switches), sent = local(batches_sent());
  for_(0, 4, (_i) => void schedule());
  const good = local(thisCpu.switches.minus(switches).eq(batches_sent().minus(sent)));
  if_(thisCpu.switches.eq(switches), () => good.set(0));
  send_signal(Task.at(task).pid, SIG.kill);
  process_wait(Task.at(task).pid, 0);
  ret(good);
});

export const check_multicall = subject("multicall", (check) => {
  const calls = localOf(array(MulticallEntry, 3));
  for_(0, 3, (i) => calls.at(i).result.set(0x7777));
  calls.at(0).op.set(HYPERCALL.xen_version);
  calls.at(0).args.at(0).set(XENVER.version);
  calls.at(1).op.set(HYPERCALL.xen_version);
  calls.at(1).args.at(0).set(999);
  calls.at(2).op.set(HYPERCALL.xen_version);
  calls.at(2).args.at(0).set(XENVER.version);
  check("a list is taken", multicall(calls.address, 3).eq(0));
  check("each entry has its result", calls.at(0).result.shr(16).eq(4));
  check("an entry that fails too", calls.at(1).result.eq(-ENOSYS));
  check("and the one behind it", calls.at(2).result.eq(calls.at(0).result));

  const page = local(need_page());
  const entry = local(kernel_pte(SCRATCH));
  /** Maps the page at SCRATCH, or takes it away, by the mmu's operations. */
  const map = (flags: number) => {
    const value = localOf(u64);
    pvMmu.call.make_pte(value.address, pfnOf(page), flags);
    pvMmu.call.set_pte(entry, value.low, value.high);
  };
  map(0);
  pvMmu.call.enter_lazy();
  map(PTE.kernel);
  check("what is lazy waits", u32.at(entry).and(PTE.present).eq(0));
  pvMmu.call.leave_lazy();
  check("and happens at the end", u32.at(entry).and(PTE.present).eq(1));

  const flows = local(overflows), sent = local(batches.at(BATCH_CALLS));
  pvMmu.call.enter_lazy();
  for_(0, BATCH_CALLS + 1, (_i) => map(0));
  check(
    "a full batch goes by itself",
    overflows.eq(flows.plus(1)).both(() => batches.at(BATCH_CALLS).eq(sent.plus(1))),
  );
  pvMmu.call.leave_lazy();

  const failures = local(failure.count);
  failure.expected.set(1);
  pvMmu.call.enter_lazy();
  map(PTE.kernel);
  batch(LAZY.mmu, HYPERCALL.update_va_mapping, 0, (args) => {
    args.at(0).set(SCRATCH + 0x1000);
    args.at(1).set(mfn_of(kernelMm.top).shl(12).or(PTE.kernel));
    args.at(2).set(0);
    args.at(3).set(0);
  });
  map(0);
  pvMmu.call.leave_lazy();
  failure.expected.set(0);
  check(
    "the entry that failed is named",
    failure.count.eq(failures.plus(1)).both(() => failure.index.eq(1)).both(() =>
      failure.op.eq(HYPERCALL.update_va_mapping)
    ),
  );
  check("those around it were done", u32.at(entry).eq(mfn_of(page).shl(12)));
  pvMmu.call.set_pte(entry, 0, 0);
  put_page(page);
  if_(cpuCount.eq(1), () => void check("a context switch is one", one_each()));
});
