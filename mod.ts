/**
 * Paravane: a hypervisor for Xen's paravirtualised guests, in WebAssembly.
 *
 * ```ts
 * import { createMachine, loadGuest } from "paravane";
 *
 * await using machine = await createMachine();
 * const domain = await machine.addDomain((await loadGuest("skiff"))!, { memory: 16 });
 * const output = domain.console.readable.pipeThrough(new TextDecoderStream());
 * const input = domain.console.writable.getWriter();
 * await input.write(new TextEncoder().encode("halt\n"));
 * for await (const text of output) console.log(text);
 * const { name } = await domain.shutdown;
 * console.log(name); // "poweroff"
 * ```
 *
 * Where to look: {@link createMachine} and its options; {@link Machine} adds domains, tells of what happens inside
 * ({@link Machine.subscribe}) and is closed; {@link Domain} is paused, stepped, sent events, looked into, and ends with
 * a reason; its {@link Console} is two streams. What is thrown is a {@link ParavaneError} with a code, or the reason of an
 * aborted signal.
 *
 * @module
 */
export { createMachine } from "./core/host/create_machine.ts";
export { Machine, type SubscribeOptions } from "./core/host/machine.ts";
export type { DomainLimits, DomainOptions, MachineOptions } from "./core/host/machine_options.ts";
export { type Crash, Domain, type ShutdownRequest } from "./core/host/domain.ts";
export { Console, type ConsoleSink } from "./core/host/console.ts";
export { SHUTDOWN, type Shutdown } from "./core/host/shutdown.ts";
export { type Segment, VcpuView } from "./core/host/vcpu_view.ts";
export type {
  HypercallEvent,
  JitEvent,
  MmuEvent,
  PortEvent,
  TraceEvent,
  TraceEventKind,
  TraceFilter,
  TracePlace,
  TrapEvent,
  UpcallEvent,
} from "./core/host/trace/events.ts";
export type { TimeMode } from "./core/host/clock.ts";
export type { JitMode } from "./core/host/translation.ts";
export type { LogSink } from "./core/host/log.ts";
export { OPTION_NAMES, type OptionName, type OptionValues } from "./core/host/options.ts";
export { ParavaneError, StateError, type StateErrorCode } from "./core/host/error.ts";
export { CpuidError } from "./core/host/cpuid.ts";
export { Xenstore } from "./core/host/xenstore/daemon.ts";
export { BuildError } from "./core/host/builder/build.ts";
export { type GuestImage, loadImage, type LoadOptions } from "./core/host/elf/image.ts";
export type { ImageAddresses, LoadSegment } from "./core/host/elf/addresses.ts";
export { ImageError, type ImageErrorCode } from "./core/host/elf/image_error.ts";
export { loadGuest, loadModule } from "./core/build/load.ts";

import type { Core } from "./core/host/core.ts";
import type { Domain } from "./core/host/domain.ts";
import type { Machine } from "./core/host/machine.ts";
import type { Shutdown } from "./core/host/shutdown.ts";

export type { Core };

/**
 * What a crashed domain left behind, for people to read: the reason, registers, the instruction at
 * fault, stack, and the last hypercalls. To be asked for before the domain is destroyed.
 *
 * @returns lines
 */
export async function crashReport(
  machine: Machine,
  domain: Domain,
  shutdown: Shutdown,
): Promise<string[]> {
  const report = await import("./core/host/report/report.ts");
  return await report.crashReport(machine.core, domain, shutdown);
}
