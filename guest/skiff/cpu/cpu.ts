// What each processor has for itself.

import { MmuUpdate, MulticallEntry, VcpuInfo } from "../../abi/structs.ts";
import { array, fn, global, local, struct, u32 } from "../../asm/mod.ts";

export const MAX_CPUS = 8;
/** Calls that fit into a batch, and words for what they point to. */
export const BATCH_CALLS = 32, BATCH_WORDS = BATCH_CALLS * MmuUpdate.size / 4;

export const Cpu = struct("cpu", {
  index: u32,
  /** Whether it takes part. */
  online: u32,
  /** Its vcpu_info in shared_info. */
  vcpu_info: u32,
  /** Its idle task. */
  idle: u32,
  /** Whether it is in the idle loop's sleep: others wake it by an IPI. */
  idling: u32,
  /** Another task should run. */
  need_resched: u32,
  /** How deep the kernel is in itself here, while it has the kernel lock. */
  lock_depth: u32,
  /** The address space it has loaded (an Mm), 0 for the kernel's own. */
  active_mm: u32,
  /** Its GDT, as the kernel sees it. */
  gdt: u32,
  /** The event ports that are its own to handle. */
  ports: array(u32, 32),
  timer_port: u32,
  timer_armed: u32,
  ipi_port: u32,
  /** Counters, for those who want to see. */
  upcalls: u32,
  switches: u32,
  ticks: u32,
  ipis: u32,
  /** Fix-ups of an upcall in the middle of the way out. */
  iret_fixups: u32,
  failsafes: u32,
  bad_irets: u32,
  fpu_traps: u32,
  /** The batch: who is lazy, how much is in it. */
  lazy: u32,
  calls: u32,
  words: u32,
  entries: array(MulticallEntry, BATCH_CALLS),
  arguments: array(u32, BATCH_WORDS),
});

export const cpus = global("cpus", array(Cpu, MAX_CPUS), 16);
/** How many take part: 1 until the others are started. */
export const cpuCount = global("cpu_count", u32);

/** (cpu, port): an event port is that processor's. All are the first one's to begin with. */
export const own_port = fn("own_port", (cpu, port) => {
  const bit = local(1);
  bit.set(bit.shl(port.and(31)));
  const first = cpus.at(0).ports.at(port.shr(5));
  first.set(first.and(bit.xor(-1)));
  const own = Cpu.at(cpu).ports.at(port.shr(5));
  own.setBits(bit);
});

/** A processor's vcpu_info. */
export const vcpuInfoOf = (cpu: { vcpu_info: ReturnType<typeof u32.at> }) =>
  VcpuInfo.at(cpu.vcpu_info);
