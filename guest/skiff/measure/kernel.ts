// The kernel's part of `bench`: what a program cannot do by itself.

import { EINVAL } from "../../abi/errors.ts";
import { XENVER } from "../../abi/numbers.ts";
import { fn, for_, if_, local, ret, while_ } from "../../asm/mod.ts";
import { send_event } from "../../kernel/events.ts";
import { xen_version } from "../../kernel/hypercalls.ts";
import { cpuCount, cpus } from "../cpu/cpu.ts";
import { lock_kernel, unlock_kernel } from "../cpu/lock.ts";
import { unbatched } from "../paravirt/multicalls.ts";
import { pvIrq } from "../paravirt/ops.ts";
import { thisCpu } from "../process/task.ts";
import { MEASURE } from "./kinds.ts";

/** (count) */
const interrupt_other = fn("measure_ipi", (count) => {
  if_(cpuCount.eq(1), () => ret(-EINVAL));
  const other = cpus.at(local(thisCpu.index.eq(0)));
  for_(0, count, (_i) => {
    const before = local(other.ipis);
    send_event(other.ipi_port);
    unlock_kernel();
    while_(() => other.ipis.eq(before), () => void pvIrq.call.relax());
    lock_kernel();
  });
  ret(0);
});

/** (kind, count): 0, or -EINVAL where there is nothing to do it with. */
export const measure = fn("measure", (kind, count) => {
  if_(kind.eq(MEASURE.unbatched), () => {
    unbatched.set(count);
    ret(0);
  });
  if_(kind.eq(MEASURE.hypercall), () => {
    for_(0, count, (_i) => void xen_version(XENVER.version, 0));
    ret(0);
  });
  if_(kind.eq(MEASURE.event), () => {
    const port = local(thisCpu.ipi_port);
    pvIrq.call.irq_enable();
    for_(0, count, (_i) => void send_event(port));
    pvIrq.call.irq_disable();
    ret(0);
  });
  if_(kind.eq(MEASURE.ipi), () => ret(interrupt_other(count)));
  ret(-EINVAL);
});
