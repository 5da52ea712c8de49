// The self-test: for each thing that a kernel on a PV hypervisor does, whether it comes of it what
// should.

import { fn, ret } from "../../asm/mod.ts";
import { dec, print } from "../../kernel/print.ts";
import { check_booting, check_features } from "./booting.ts";
import { failed, passed } from "./check.ts";
import { check_failsafe } from "./failsafe.ts";
import { check_flags } from "./flags.ts";
import { check_multicall } from "./multicall.ts";
import { check_page_tables } from "./page_tables.ts";
import { check_processes } from "./processes.ts";
import { check_control_registers, check_cpuid, check_privileged } from "./processor.ts";
import { check_segments } from "./segments.ts";
import { check_tlb } from "./tlb.ts";
import { check_stack, check_traps } from "./traps.ts";
import { check_upcall } from "./upcall.ts";

/** Runs them all; the number that failed. */
export const run_selftest = fn("run_selftest", () => {
  passed.set(0);
  failed.set(0);
  check_booting();
  check_page_tables();
  check_privileged();
  check_segments();
  check_traps();
  check_stack();
  check_tlb();
  check_control_registers();
  check_cpuid();
  check_flags();
  check_upcall();
  check_failsafe();
  check_multicall();
  check_features();
  check_processes();
  print`selftest: ${dec(passed)} ok, ${dec(failed)} failed\n`;
  ret(failed);
});
