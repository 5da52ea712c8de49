// The loader: a PV kernel that runs static 32-bit Linux programs, one after the other, with as much
// of Linux as they need.
//
//   ramdisk        a cpio archive (newc) with the programs and their input
//   command line   PROGRAM ARGUMENTS ; PROGRAM ARGUMENTS > FILE ; …
//
// On the console each command stands before its output and its exit status behind.

import { SHUTDOWN } from "../abi/numbers.ts";
import { fn, for_, if_, local, u8, while_ } from "../asm/mod.ts";
import { early_init, machineInit, startWith } from "../kernel/setup.ts";
import { panic, shutdown } from "../kernel/panic.ts";
import { char, dec, print } from "../kernel/print.ts";
import { startInfo } from "../kernel/state.ts";
import { trapWith } from "../kernel/traps.ts";
import { unpack_archive } from "./archive.ts";
import { system_call } from "./calls/table.ts";
import { commandEnd, commandStart, next_command } from "./commands.ts";
import { end_by_trap, page_fault } from "./faults.ts";
import { run_command } from "./run.ts";

const machine_init = machineInit(
  trapWith({ systemCall: system_call, pageFault: page_fault, userTrap: end_by_trap }),
);

const loader_main = fn("loader_main", () => {
  early_init();
  machine_init();
  if_(startInfo.mod_len.eq(0), () => void panic("no ramdisk: give a cpio archive with programs"));
  unpack_archive();
  while_(() => next_command(), () => {
    print`$ `;
    for_(commandStart, commandEnd, (at) => print`${char(u8.at(at))}`);
    print`\n`;
    const status = local(run_command());
    if_(
      status.isNegative(),
      () => print`[cannot start, error ${dec(status.times(-1))}]\n`,
      () => print`[status ${dec(status)}]\n`,
    );
  });
  shutdown(SHUTDOWN.poweroff);
});

export const loader = startWith(loader_main);
