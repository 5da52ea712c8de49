// Programs that show what the kernel says about itself. The kernel writes the text.

import { array, if_, local, u8 } from "../../asm/mod.ts";
import type { Given, Place } from "../../asm/mod.ts";
import { REPORT } from "../reports/kinds.ts";
import { flush, HEAP_FREE, out, parse_decimal, parse_hex, program, sys, text } from "./lib.ts";
import type { Program } from "./lib.ts";

const ROOM = 0x4000;
const report = (
  name: keyof typeof REPORT,
  help: string,
  argument: (args: Place) => Given = () => 0,
): Program =>
  program(name, help, (args) => {
    const value = local(argument(args));
    sys("brk", HEAP_FREE + ROOM);
    const n = local(sys("report", REPORT[name], value, HEAP_FREE, ROOM - 1));
    if_(n.isNegative(), () => out`no such thing\n`, () => {
      array(u8, ROOM).at(HEAP_FREE).at(n).set(0);
      out`${text(HEAP_FREE)}`;
    });
    flush();
  });

export const reports: Program[] = [
  report("help", "what there is"),
  report("ps", "the processes"),
  report("maps", "a process's address space; maps PID", (args) => parse_decimal(args)),
  report("features", "what the hypervisor offers"),
  report("cpuid", "what the processor says it has"),
  report("mem", "memory"),
  report("events", "interrupts and upcalls of each processor"),
  report("multicall", "batches of hypercalls by size"),
  report(
    "pte",
    "the tables' entries for an address of this program; pte ADDRESS",
    (args) => parse_hex(args),
  ),
];
