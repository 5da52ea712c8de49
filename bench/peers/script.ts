/**
 * Engines that live in a JavaScript process: a script of ours runs them in a process of their own and
 * timestamps lines where they are made, so that no pipe is measured. It prints its run as JSON.
 */
import { fileURLToPath } from "node:url";
import type { Recorder, Timing } from "../recorder.ts";
import { type Engine, finished, residentMib, type Run } from "./engine.ts";

/** What a script prints on its last line. */
interface Report {
  timings: [string, Timing][];
  residentMib: number | null;
}

/**
 * Called by a script when its guest has ended: prints the run. At once, as v86 throws when its machine
 * halts.
 */
export function printRun(engine: string, recorder: Recorder): void {
  finished(engine, recorder);
  const report: Report = { timings: [...recorder.timings], residentMib: residentMib("self") };
  console.log(JSON.stringify(report));
}

async function run(script: string, args: string[]): Promise<Run> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, ...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${script} failed`);
  const last = new TextDecoder().decode(stdout).trim().split("\n").pop()!;
  const { timings, residentMib } = JSON.parse(last) as Report;
  return { timings: new Map(timings), residentMib };
}

/** What the tables call Paravane's modes. */
const MODES = { on: "Paravane", quick: "first tier", off: "interpreter" };

/** Paravane as it comes, by its first tier, or by its interpreter alone. */
export function paravane(jit: keyof typeof MODES): Engine {
  return {
    name: MODES[jit],
    missing: () => Promise.resolve(null),
    run: (commandLine) => run("paravane_run.ts", [jit, commandLine]),
  };
}

/** v86, the x86 emulator that translates to WebAssembly, from npm; the kernels run on its bare machine. */
export const v86: Engine = {
  name: "v86",
  missing: async () => {
    try {
      await import("v86");
      return null;
    } catch (error) {
      return `the npm package v86 cannot be loaded: ${(error as Error).message.split("\n")[0]}`;
    }
  },
  run: (commandLine) => run("v86_run.ts", [commandLine]),
};
