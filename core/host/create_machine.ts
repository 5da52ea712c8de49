/** How a machine comes to be. */
import { loadModule } from "../build/load.ts";
import { type Clock, VirtualClock, WallClock } from "./clock.ts";
import { guarded } from "./guarded.ts";
import { Log } from "./log.ts";
import { Machine } from "./machine.ts";
import type { MachineOptions } from "./machine_options.ts";
import { instantiate, type TraceHandler } from "./module.ts";
import { TraceHub } from "./trace/hub.ts";
import { fromEnvironment, jitMode } from "./translation.ts";

/**
 * Makes a machine without domains.
 *
 * @example Several guests, and a signal that ends all of it
 * ```ts
 * import { createMachine, loadGuest } from "paravane";
 *
 * const abort = new AbortController();
 * const machine = await createMachine({ signal: abort.signal, log: console.error });
 * const image = (await loadGuest("skiff"))!;
 * const guests = await Promise.all([1, 2].map((n) => machine.addDomain(image, { memory: 16, name: `guest ${n}` })));
 * abort.abort();
 * for (const { shutdown } of guests) console.log((await shutdown).name); // "destroyed"
 * ```
 *
 * @throws the signal's reason when it is aborted before the machine is there
 */
export function createMachine(options: MachineOptions = {}): Promise<Machine> {
  return machineByClock(options.time === "virtual" ? new VirtualClock() : new WallClock(), options);
}

/**
 * The same by a clock of one's own, for tests and measurements.
 *
 * @param clock `time` of the options means nothing then
 */
export async function machineByClock(clock: Clock, options: MachineOptions): Promise<Machine> {
  const { signal } = options;
  signal?.throwIfAborted();
  const print = (error: unknown) => console.error(error);
  // it is called in the middle of the core's work, so it must not throw either
  const failed = options.onError ? guarded(options.onError, print) : print;
  const log = new Log(guarded(options.log ?? (() => {}), failed));
  const module = options.module ?? await loadModule(options.profile ? "profile" : "");
  // the core tells of nothing before the hub has chosen what
  const late: { hub?: TraceHub } = {};
  const trace: TraceHandler = (...args) => late.hub!.handle(...args);
  const core = await instantiate(module, { clock, log, trace });
  late.hub = new TraceHub((mask) => core.exports.trace_set(mask), failed);
  if (clock.mode === "virtual") core.exports.time_init(1, clock.wall());
  const jit = jitMode(options.jit ?? fromEnvironment());
  const machine = new Machine(core, clock, log, late.hub, failed, jit, options);
  if (options.profile) {
    const { Profile } = await import("./profile.ts");
    machine.profile = new Profile(machine, late.hub);
  }
  await machine.translation.prepare();
  if (signal?.aborted) {
    await machine.close();
    throw signal.reason;
  }
  machine.closeOn(signal);
  return machine;
}
