/** The kernels as a PV guest in this process, their lines timestamped when the guest says them. */
import { createMachine, type JitMode } from "../mod.ts";
import { Recorder } from "./recorder.ts";

/**
 * Runs bench/guest/kernel-pv.elf to its end.
 *
 * @param jit what becomes of hot code
 * @param commandLine the guest's (bench/guest/fe.h)
 */
export async function guestMachine(jit: boolean | JitMode, commandLine: string): Promise<Recorder> {
  const recorder = new Recorder();
  const decoder = new TextDecoder();
  let rest = "";
  const machine = await createMachine({ jit, log: (line) => console.error(line) });
  const domain = await machine.addDomain(
    await Deno.readFile(new URL("guest/kernel-pv.elf", import.meta.url)),
    {
      commandLine: `con=ring ${commandLine}`,
      output: (bytes) => {
        const now = performance.now();
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) recorder.line(now, line);
      },
    },
  );
  const { name } = await domain.shutdown;
  await domain.console.drained();
  machine.stop();
  if (name !== "poweroff") recorder.panic ??= name;
  return recorder;
}
