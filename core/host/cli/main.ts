/**
 * The boot command. What it imports at the top is all that stands between the start of the process
 * and the guest's first line; whatever a run may not need is imported where it is needed.
 */
import { BuildError } from "../builder/build.ts";
import { loadImage } from "../elf/image.ts";
import { ImageError } from "../elf/image_error.ts";
import { createMachine } from "../machine.ts";
import { type BootArguments, parseArguments, UsageError } from "./args.ts";
import { loadGuestImage, readRamdisk } from "./guest_file.ts";
import { say, writeConsole } from "./output.ts";
import { EXIT, Session } from "./session.ts";

/** Runs the command and gives its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  let guest: string | null = null;
  try {
    const args = parseArguments(argv);
    guest = args.guest;
    if (!args.help) return await boot(args);
    const { helpText } = await import("./help.ts");
    await writeConsole(new TextEncoder().encode(helpText() + "\n"));
    return EXIT.POWEROFF;
  } catch (error) {
    if (error instanceof UsageError) {
      say(`paravane: ${error.message}`);
    } else if (error instanceof ImageError || error instanceof BuildError) {
      say(`paravane: ${guest ?? "the built-in guest"}: ${error.message}`);
    } else throw error;
    return EXIT.USAGE;
  }
}

async function boot(args: BootArguments): Promise<number> {
  const ramdisk = args.ramdisk === null ? undefined : await readRamdisk(args.ramdisk);
  const image = await loadImage(await loadGuestImage(args.guest));
  const machine = await createMachine({ time: args.time, jit: args.jit, log: say });
  let flushTrace = () => {};
  if (args.trace !== 0) {
    const { startTrace } = await import("../trace/tracer.ts");
    flushTrace = startTrace(machine, args.trace, say);
  }
  const session = new Session(machine, args, image, ramdisk);
  try {
    return await session.run();
  } finally {
    session.close();
    flushTrace();
  }
}
