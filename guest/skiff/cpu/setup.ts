// A processor's own descriptor table, the gates that all share, and what each needs before it can be
// interrupted.

import {
  addressOf,
  array,
  fn,
  for_,
  global,
  if_,
  local,
  pages,
  struct,
  table,
  u32,
} from "../../asm/mod.ts";
import { bind_ipi } from "../../kernel/events.ts";
import { panic } from "../../kernel/panic.ts";
import { FLAT_LOW, KERNEL_CS, load_segments } from "../../kernel/selectors.ts";
import { sharedInfo } from "../../kernel/state.ts";
import { pvCpu } from "../paravirt/ops.ts";
import { gates } from "../process/entries.ts";
import { fpu_init } from "../process/fpu.ts";
import { current, idleTask, stackTop, Task, thisCpu } from "../process/task.ts";
import { timer_init } from "../process/timer.ts";
import { cpus, MAX_CPUS, own_port } from "./cpu.ts";
import { GDT_ENTRIES, SEGMENTS } from "./gdt.ts";

const gdts = pages("gdts", MAX_CPUS);

/** (index): what a processor is and has, before it runs. */
export const cpu_prepare = fn("cpu_prepare", (index) => {
  const cpu = cpus.at(index);
  cpu.index.set(index);
  cpu.vcpu_info.set(sharedInfo.vcpu_info.at(index).address);
  cpu.idle.set(idleTask(index));
  if_(index.eq(0), () => for_(0, 32, (word) => cpu.ports.at(word).set(-1)));
  Task.at(cpu.idle).cpu.set(cpu.address);
  const gdt = local(gdts.plus(index.shl(12)));
  cpu.gdt.set(gdt);
  for (const [selector, high] of SEGMENTS) {
    u32.at(gdt.plus(selector & ~7)).set(FLAT_LOW);
    u32.at(gdt.plus((selector & ~7) + 4)).set(high);
  }
});

const Gate = struct("gate", { low: u32, high: u32 });
/** The interrupt descriptor table, as the processor would have it. */
export const idt = global("idt", array(Gate, 256));
const gateTable = table(
  "gates",
  () => gates.flatMap(([v, dpl, e]) => [v, dpl, addressOf(e.label)]),
);
const INTERRUPT_GATE = 0x8e00;

const gates_init = fn("gates_init", () => {
  for_(0, gates.length, (i) => {
    const words = array(u32, 3).at(i.times(12).plus(gateTable));
    const gate = idt.at(words.at(0));
    gate.low.set(words.at(2).and(0xffff).or(KERNEL_CS << 16));
    gate.high.set(words.at(2).and(0xffff0000).or(INTERRUPT_GATE).or(words.at(1).shl(13)));
  });
});

/** An interrupt from another processor: it wants this one to look for work. */
const ipi_event = fn("ipi_event", (_port) => {
  thisCpu.ipis.inc();
  thisCpu.need_resched.set(1);
});

/** What every processor does for itself, the table of its descriptors being loaded. */
export const cpu_init = fn("cpu_init", () => {
  if_(pvCpu.call.load_idt(idt.address).isNegative(), () => void panic("no trap table"));
  pvCpu.call.load_sp0(stackTop(thisCpu.idle));
  fpu_init();
  const port = local(bind_ipi(thisCpu.index, addressOf(ipi_event)));
  if_(port.isNegative(), () => void panic("no IPI"));
  thisCpu.ipi_port.set(port);
  own_port(current.cpu, port);
  timer_init();
  thisCpu.online.set(1);
});

/** The first processor's part. */
export const boot_cpu_init = fn("boot_cpu_init", () => {
  gates_init();
  if_(pvCpu.call.load_gdt(thisCpu.gdt, GDT_ENTRIES).isNegative(), () => void panic("no GDT"));
  load_segments();
  cpu_init();
});
