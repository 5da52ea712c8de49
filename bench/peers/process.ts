/** Engines that are processes: the kernels' lines are timestamped as they come out of a pipe. */
import { record, Recorder } from "../recorder.ts";
import { type Engine, finished, guestPath, residentMib, type Run } from "./engine.ts";

/** Whether a program can be started at all. */
async function starts(command: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, { args, stdout: "null", stderr: "null" })
      .output();
    return success;
  } catch {
    return false;
  }
}

async function run(name: string, command: string[]): Promise<Run> {
  const recorder = new Recorder();
  let resident: number | null = null;
  await record(command, recorder, (pid) => resident = residentMib(pid) ?? resident);
  finished(name, recorder);
  return { timings: recorder.timings, residentMib: resident };
}

/** The processor itself, running the kernels as a 32-bit Linux program: what ratios are against. */
export const native: Engine = {
  name: "native",
  missing: async () =>
    await starts(guestPath("native"), ["rounds=1 div=1000 only=fib"])
      ? null
      : "this host does not run 32-bit Linux programs",
  run: (commandLine) => run("native", [guestPath("native"), commandLine]),
};

const QEMU = "qemu-system-i386";

/** QEMU's own code generator, which makes native code; the kernels run on its bare machine. */
export const qemu: Engine = {
  name: "QEMU TCG",
  missing: async () =>
    await starts(QEMU, ["--version"])
      ? null
      : `${QEMU} is not installed (Debian: apt install --no-install-recommends qemu-system-x86)`,
  run: (commandLine) =>
    run("QEMU TCG", [
      ...[QEMU, "-accel", "tcg,thread=single", "-m", "128", "-nodefaults", "-no-reboot"],
      ...["-display", "none", "-vga", "none", "-net", "none", "-serial", "stdio"],
      ...["-device", "isa-debug-exit,iobase=0xf4,iosize=1"],
      ...["-kernel", guestPath("kernel.elf"), "-append", commandLine],
    ]),
};
