/** The npm package's `paravane`: boot, image and version. */
import { writeConsole } from "./output.ts";

/** The package's version; the bundle has it. */
declare const PARAVANE_VERSION: string;

const USAGE = `usage: paravane boot [GUEST] [options] [--and [GUEST] [options]]...
       paravane image GUEST [options] -o FILE
       paravane version
       paravane boot --help tells of the options
`;

const text = (lines: string) => writeConsole(new TextEncoder().encode(lines));

async function main([command, ...argv]: readonly string[]): Promise<number> {
  switch (command) {
    case "boot":
      return await (await import("./main.ts")).main(argv);
    case "image":
      return await (await import("./image.ts")).main(argv);
    case "version":
    case "--version":
      await text(`paravane ${PARAVANE_VERSION}\n`);
      return 0;
    case "help":
    case "--help":
      await text(USAGE);
      return 0;
    default:
      Deno.stderr.writeSync(new TextEncoder().encode(USAGE));
      return 1;
  }
}

Deno.exit(await main(Deno.args));
