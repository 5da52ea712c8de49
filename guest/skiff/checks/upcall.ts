// The event upcall: the bitmap, masks of ports, and the events that everybody has.

import { EVTCHNOP } from "../../abi/numbers.ts";
import { for_, if_, local, while_ } from "../../asm/mod.ts";
import { mask_port, send_event } from "../../kernel/events.ts";
import { event_channel_op } from "../../kernel/hypercalls.ts";
import { sharedInfo } from "../../kernel/state.ts";
import { cpuCount, cpus } from "../cpu/cpu.ts";
import { lock_kernel, unlock_kernel } from "../cpu/lock.ts";
import { pvIrq } from "../paravirt/ops.ts";
import { thisCpu } from "../process/task.ts";
import { arm_timer } from "../process/timer.ts";
import { subject } from "./check.ts";

export const check_upcall = subject("event upcall", (check) => {
  const port = local(thisCpu.ipi_port), before = local(thisCpu.ipis);
  const upcalls = local(thisCpu.upcalls);
  pvIrq.call.irq_enable();
  send_event(port);
  check(
    "an event makes one upcall",
    thisCpu.upcalls.eq(upcalls.plus(1)).both(() => thisCpu.ipis.eq(before.plus(1))),
  );
  const word = sharedInfo.evtchn_pending.at(port.shr(5));
  check("its bit is taken", word.shr(port.and(31)).and(1).eq(0));
  mask_port(port);
  send_event(port);
  check(
    "a masked port waits",
    thisCpu.ipis.eq(before.plus(1)).both(() => word.shr(port.and(31)).and(1).eq(1)),
  );
  event_channel_op(EVTCHNOP.unmask, port.address);
  check("opened, it delivers what came", thisCpu.ipis.eq(before.plus(2)));

  const ticks = local(thisCpu.ticks);
  const patience = local(0);
  arm_timer();
  while_(() => thisCpu.ticks.eq(ticks).both(() => patience.lt(100)), () => {
    patience.inc();
    pvIrq.call.safe_halt();
  });
  check("the timer wakes a processor that sleeps", thisCpu.ticks.gt(ticks));
  pvIrq.call.irq_disable();

  const other = local(thisCpu.index.eq(0));
  if_(cpuCount.gt(1), () => {
    const ipis = local(cpus.at(other).ipis);
    send_event(cpus.at(other).ipi_port);
    for_(0, 1000, (_i) => {
      if_(cpus.at(other).ipis.eq(ipis), () => {
        unlock_kernel();
        pvIrq.call.relax();
        lock_kernel();
      });
    });
    check("another processor is interrupted", cpus.at(other).ipis.ne(ipis));
  });
});
