/**
 * The boot command. What it imports at the top is all that stands between the start of the process
 * and the guest's first line; whatever a run may not need is imported where it is needed.
 */
import { loadImage } from "../elf/image.ts";
import { createMachine } from "../create_machine.ts";
import { type BootArguments, type GuestArguments, parseArguments, TRACE_KINDS } from "./args.ts";
import { loadGuestImage, readRamdisk } from "./guest_file.ts";
import { aboutGuest, EXIT, type GuestFiles } from "./guest_run.ts";
import { say, writeConsole } from "./output.ts";
import { Session } from "./session.ts";
import { UsageError } from "./usage.ts";

/** Runs the command and gives its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const args = parseArguments(argv);
    if (!args.help) return await boot(args);
    const { helpText } = await import("./help.ts");
    await writeConsole(new TextEncoder().encode(helpText() + "\n"));
    return EXIT.POWEROFF;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`paravane: ${error.message}`);
    return EXIT.USAGE;
  }
}

async function boot(args: BootArguments): Promise<number> {
  const files: GuestFiles[] = [];
  for (const guest of args.guests) files.push(await readFiles(guest));
  const machine = await createMachine({ time: args.time, jit: args.jit, log: say });
  let flushTrace = () => {};
  if (args.trace & TRACE_KINDS.jit) machine.translation.listen((line) => say(`jit: ${line}`));
  if (args.trace & ~TRACE_KINDS.jit) {
    const { startTrace } = await import("../trace/tracer.ts");
    flushTrace = startTrace(machine, args.trace & ~TRACE_KINDS.jit, say);
  }
  const session = new Session(machine, args, files);
  try {
    return await session.run();
  } finally {
    session.close();
    flushTrace();
  }
}

async function readFiles(args: GuestArguments): Promise<GuestFiles> {
  const ramdisk = args.ramdisk === null ? undefined : await readRamdisk(args.ramdisk);
  const bytes = await loadGuestImage(args.image);
  return { args, image: await aboutGuest(args, loadImage(bytes)), ramdisk };
}
