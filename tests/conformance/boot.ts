/**
 * Boots pv32.elf as its goldens were made: 64 MiB, no devices, console_io refused as a release Xen
 * does. Virtual time, so that a run is the same run each time.
 *
 * Each boot has a worker to itself, which is ended when its time is up: neither a guest that never
 * ends nor a fault of ours can stop the suite.
 */
import { loadModule } from "../../core/build/load.ts";
import { folder } from "./golden.ts";

/** How a boot is to be. */
export interface BootOptions {
  commandLine: string;
  vcpus: number;
  /** Seconds after which it is cut off. */
  seconds: number;
}

/** What became of it. */
export interface BootResult {
  /** The console's lines. */
  lines: string[];
  /** The shutdown reason's number; null if it did not come so far. */
  reason: number | null;
  /** The hypervisor's log, and what went wrong in the host if anything did. */
  log: string[];
}

/** What the worker is given. */
export interface BootRequest {
  module: WebAssembly.Module;
  image: Uint8Array<ArrayBuffer>;
  commandLine: string;
  vcpus: number;
}

/** What the worker tells, piece by piece. */
export type BootMessage =
  | { kind: "output"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "log"; line: string }
  | { kind: "end"; reason: number };

let module: WebAssembly.Module | undefined;

/** Boots the guest and waits for its end, or until its time is up. */
export async function boot({ commandLine, vcpus, seconds }: BootOptions): Promise<BootResult> {
  module ??= await WebAssembly.compile(await loadModule());
  const image = Deno.readFileSync(new URL("pv32.elf", folder()));
  const worker = new Worker(new URL("boot_worker.ts", import.meta.url), { type: "module" });
  const decoder = new TextDecoder();
  const log: string[] = [];
  let output = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reason = await new Promise<number | null>((end) => {
    timer = setTimeout(() => {
      log.push(`cut off after ${seconds} s`);
      end(null);
    }, seconds * 1000);
    worker.onerror = (event) => {
      event.preventDefault();
      log.push(`fault of ours: ${event.message}`);
      end(null);
    };
    worker.onmessage = ({ data }: MessageEvent<BootMessage>) => {
      if (data.kind === "output") output += decoder.decode(data.bytes, { stream: true });
      else if (data.kind === "log") log.push(data.line);
      else end(data.reason);
    };
    worker.postMessage({ module, image, commandLine, vcpus } as BootRequest);
  });
  clearTimeout(timer);
  worker.terminate();
  return { lines: output.split(/\r?\n/).filter((line) => line !== ""), reason, log };
}
