/**
 * `deno task image GUEST [options] -o FILE`: builds a domain and writes the machine, as it stands before
 * the guest's first instruction, into a file that the bare module can run (docs/embedding.md).
 */
import { loadModule } from "../../build/load.ts";
import type { Core } from "../core.ts";
import { type Freezable, freeze } from "../image/freeze.ts";
import { loadImage } from "../elf/image.ts";
import { createMachine } from "../create_machine.ts";
import { parseArguments } from "./args.ts";
import { loadGuestImage, readRamdisk } from "./guest_file.ts";
import { aboutGuest, EXIT } from "./guest_run.ts";
import { say } from "./output.ts";
import { UsageError } from "./usage.ts";

/** Takes `-o FILE` out of the arguments; the others are those of boot. */
function takeOutput(argv: readonly string[]): [string, string[]] {
  const at = argv.indexOf("-o");
  const file = at < 0 ? undefined : argv[at + 1];
  if (file === undefined) throw new UsageError("-o FILE says where the image goes");
  return [file, argv.toSpliced(at, 2)];
}

/** Runs the command and gives its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const [file, rest] = takeOutput(argv);
    const image = await makeImage(rest);
    try {
      await Deno.writeFile(file, image);
    } catch (error) {
      throw new UsageError(`${file}: ${(error as Error).message.split("\n")[0]}`);
    }
    say(`paravane: ${file}: ${image.length} bytes`);
    return EXIT.POWEROFF;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`paravane: ${error.message}`);
    return EXIT.USAGE;
  }
}

/**
 * Makes a machine image.
 *
 * @param argv guests and their options, as boot takes them
 * @throws UsageError with a line for people
 */
export async function makeImage(argv: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const { guests } = parseArguments(argv);
  const module = await loadModule();
  const machine = await createMachine({ module, log: say });
  try {
    const domains = [];
    for (const guest of guests) {
      const image = await aboutGuest(guest, loadImage(await loadGuestImage(guest.image)));
      const { memory, maxMemory, vcpus, commandLine, options, cpuid } = guest;
      const domain = await aboutGuest(
        guest,
        machine.addDomain(image, {
          ...{ memory, maxMemory: maxMemory ?? undefined, vcpus, commandLine, options, cpuid },
          ramdisk: guest.ramdisk === null ? undefined : await readRamdisk(guest.ramdisk),
          name: guest.name ?? undefined,
          // there will be nobody to serve it
          xenstore: false,
          paused: true,
        }),
      );
      domains.push(domain);
    }
    machine.stop();
    const { exports } = machine.core;
    for (const { id } of domains) exports.domain_unpause(id);
    const frozen = domains.map(({ id, name, consoleFrame, consolePort }) => ({
      ...{ id, name, consolePort },
      consoleAddress: machine.core.frameAddress(consoleFrame),
    }));
    return await freeze(module, exports as Core["exports"] & Freezable, frozen);
  } finally {
    machine.stop();
  }
}
