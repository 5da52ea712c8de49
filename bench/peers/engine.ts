/** What the peers have in common: each runs the kernels of bench/guest and says how long they took. */
import { fileURLToPath } from "node:url";
import type { Recorder, Timing } from "../recorder.ts";

/** One run of the kernels in a process of its own, cold at first. */
export interface Run {
  timings: Map<string, Timing>;
  /** Resident memory at the end, MiB; null where the system does not tell. */
  residentMib: number | null;
}

/** Something that runs the kernels. */
export interface Engine {
  name: string;
  /** What it needs that is not here, as a sentence; null if it can run. */
  missing(): Promise<string | null>;
  /**
   * @param commandLine the program's (bench/guest/fe.h)
   * @throws Error if the program did not come to its end
   */
  run(commandLine: string): Promise<Run>;
}

/** Path of a program in bench/guest. */
export function guestPath(name: string): string {
  return fileURLToPath(new URL(`../guest/${name}`, import.meta.url));
}

/** @throws Error if the recorded program did not say DONE */
export function finished(engine: string, recorder: Recorder): void {
  if (!recorder.done || recorder.panic) {
    throw new Error(`${engine}: the kernels did not end well: ${recorder.panic ?? "no DONE"}`);
  }
}

/** Resident memory of a process in MiB, from /proc; null elsewhere or when it has gone. */
export function residentMib(pid: number | "self"): number | null {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
  } catch {
    return null;
  }
}
