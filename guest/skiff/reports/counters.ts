// events and multicall

import { fn, for_, if_ } from "../../asm/mod.ts";
import { dec, print } from "../../kernel/print.ts";
import { BATCH_CALLS, cpuCount, cpus } from "../cpu/cpu.ts";
import { batches, failure, overflows } from "../paravirt/multicalls.ts";

export const show_events = fn("show_events", (_argument) => {
  for_(0, cpuCount, (i) => {
    const c = cpus.at(i);
    print`cpu ${dec(i)}: ${dec(c.upcalls)} upcalls, ${dec(c.ticks)} ticks, ${dec(c.ipis)} IPIs, ${
      dec(c.switches)
    } switches, ${dec(c.fpu_traps)} FPU traps\n`;
    print`       ${dec(c.iret_fixups)} upcalls on the way out, ${dec(c.failsafes)} failsafes, ${
      dec(c.bad_irets)
    } bad IRETs\n`;
  });
});

export const show_multicalls = fn("show_multicalls", (_argument) => {
  print`calls in a batch: batches\n`;
  for_(1, BATCH_CALLS + 1, (n) => {
    if_(batches.at(n).ne(0), () => print`${dec(n)}: ${dec(batches.at(n))}\n`);
  });
  print`${dec(overflows)} sent because they were full, ${dec(failure.count)} entries failed\n`;
});
