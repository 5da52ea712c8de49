/**
 * `deno task profile [GUEST] [boot options] [--seconds S] [--top N] [--code] [--json FILE]`
 *
 * Boots a guest as `deno task boot` does, with everything it runs counted, until it ends or S seconds (ten
 * if not given) are over; then prints the N blocks (20) in which most instructions ran: share, times
 * entered in each tier, what became of it in the translator, and its instructions with how often
 * each ran. `--code` shows what translated blocks became beside them.
 */
import { parseArguments } from "../../core/host/cli/args.ts";
import { loadGuestImage, readRamdisk } from "../../core/host/cli/guest_file.ts";
import { Session } from "../../core/host/cli/session.ts";
import { UsageError } from "../../core/host/cli/usage.ts";
import { loadImage } from "../../core/host/elf/image.ts";
import { createMachine } from "../../core/host/create_machine.ts";
import { print, report } from "./report.ts";

/** Takes a flag with its value out of a command line. */
function take(argv: string[], flag: string): string | undefined {
  const at = argv.indexOf(flag);
  if (at < 0) return undefined;
  const [, value] = argv.splice(at, 2);
  if (value === undefined) throw new UsageError(`${flag} wants a value`);
  return value;
}

function number(text: string | undefined, flag: string, otherwise: number): number {
  const n = text === undefined ? otherwise : Number(text);
  if (!(n > 0)) throw new UsageError(`${flag} wants a number above 0`);
  return n;
}

async function main(argv: string[]): Promise<number> {
  const seconds = number(take(argv, "--seconds"), "--seconds", 10);
  const top = number(take(argv, "--top"), "--top", 20);
  const json = take(argv, "--json");
  const code = argv.includes("--code");
  const args = parseArguments(argv.filter((word) => word !== "--code"));
  const files = await Promise.all(args.guests.map(async (guest) => ({
    args: guest,
    image: await loadImage(await loadGuestImage(guest.image)),
    ramdisk: guest.ramdisk === null ? undefined : await readRamdisk(guest.ramdisk),
  })));
  const machine = await createMachine({
    time: args.time,
    jit: args.jit,
    log: (line) => console.error(line),
    profile: true,
  });
  const session = new Session(machine, { ...args, timeout: Infinity, poweroffAtEnd: false }, files);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, seconds * 1000));
  try {
    await Promise.race([session.run(), over]);
    // guests are numbered in the order of the command line
    const symbols = files.map(({ image }) => image.symbols);
    const profile = await report(machine, symbols, top, code);
    if (json) await Deno.writeTextFile(json, JSON.stringify(profile, null, 2) + "\n");
    else print(profile);
    return 0;
  } finally {
    clearTimeout(timer);
    session.close();
  }
}

try {
  Deno.exit(await main([...Deno.args]));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`profile: ${error.message}`);
  Deno.exit(1);
}
