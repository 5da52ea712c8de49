/**
 * Paravane: a hypervisor for Xen's paravirtualised guests, in WebAssembly.
 *
 * ```ts
 * import { createMachine } from "paravane";
 *
 * const machine = await createMachine({ log: console.error });
 * const domain = await machine.addDomain(await Deno.readFile("kernel.elf"), {
 *   memory: 64,
 *   commandLine: "console=hvc0",
 *   output: (bytes) => void Deno.stdout.writeSync(bytes),
 * });
 * await domain.console.send(new TextEncoder().encode("help\n"));
 * const { code, name } = await domain.shutdown;
 * machine.destroyDomain(domain);
 * machine.stop();
 * ```
 *
 * @module
 */
export {
  createMachine,
  type DomainLimits,
  type DomainOptions,
  Machine,
  type MachineOptions,
} from "./core/host/machine.ts";
export { Domain, type ShutdownRequest } from "./core/host/domain.ts";
export { Console, type ConsoleSink } from "./core/host/console.ts";
export { SHUTDOWN, type Shutdown } from "./core/host/shutdown.ts";
export type { TimeMode } from "./core/host/clock.ts";
export type { LogSink } from "./core/host/log.ts";
export { OPTION_NAMES, type OptionName, type OptionValues } from "./core/host/options.ts";
export { CpuidError } from "./core/host/cpuid.ts";
export { Xenstore } from "./core/host/xenstore/daemon.ts";
export { BuildError } from "./core/host/builder/build.ts";
export { type GuestImage, loadImage } from "./core/host/elf/image.ts";
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
