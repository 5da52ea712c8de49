// The system on top: fork, copy-on-write, demand paging, pipes, signals, turns.

import { if_, local } from "../../asm/mod.ts";
import { faults } from "../memory/fault.ts";
import { noExecute } from "../memory/no_execute.ts";
import { freeCount } from "../memory/pages.ts";
import { subject } from "./check.ts";
import { run_program, runs_well } from "./program.ts";

export const check_processes = subject("processes", (check) => {
  const pages = local(freeCount), copied = local(faults.copied), brought = local(faults.demand);
  check("fork: two processes, two memories", runs_well("probe-fork"));
  check("pages were copied when they were written to", faults.copied.gt(copied));
  check("and brought when they were touched", faults.demand.gt(brought));
  check("a pipe", runs_well("probe-pipe"));
  check("a signal handler", runs_well("probe-handler"));
  check("ring 3 cannot read the kernel", run_program("fault kernel").eq(128 + 11));
  check("nor the M2P", run_program("fault m2p").eq(128 + 11));
  check("a program cannot write to its image", run_program("fault image").eq(128 + 11));
  // A processor may be without NX.
  if_(noExecute.ne(0), () => {
    check("nor execute its stack", run_program("fault execute").eq(128 + 11));
  });
  check("nothing was left behind", freeCount.eq(pages));
});
