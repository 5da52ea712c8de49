/** Turns paravane.wasm into a running core, and gives it what it imports. */
import type { Clock } from "./clock.ts";
import { Core, type CoreExports } from "./core.ts";
import type { Log } from "./log.ts";

/** What env.trace is called with: a kind and six words (core/wasm/trace.ts). */
export type TraceHandler = (
  kind: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => void;

/** Kinds of text that env.log carries. */
const LOG_GUEST = 0;

/** The core's view of the outside, once it is there. */
export interface Surroundings {
  clock: Clock;
  log: Log;
  trace: TraceHandler;
}

/**
 * Instantiates the core.
 *
 * @param module paravane.wasm, compiled or as bytes
 */
export async function instantiate(
  module: WebAssembly.Module | Uint8Array<ArrayBuffer>,
  { clock, log, trace }: Surroundings,
): Promise<Core> {
  const compiled = module instanceof WebAssembly.Module
    ? module
    : await WebAssembly.compile(module);
  let core: Core | null = null;
  const env = {
    log(kind: number, domid: number, address: number, length: number): void {
      const bytes = core!.bytes().subarray(address >>> 0, (address >>> 0) + length);
      if (kind === LOG_GUEST) log.guest(domid, bytes);
      else log.line(new TextDecoder().decode(bytes));
    },
    clock: () => clock.now(),
    wall: () => clock.wall(),
    trace,
  };
  const instance = await WebAssembly.instantiate(compiled, { env });
  core = new Core(instance.exports as unknown as CoreExports);
  return core;
}
