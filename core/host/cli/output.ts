/** The two streams out: the guest's console on stdout, everything else on stderr. */

const encoder = new TextEncoder();

/** Writes all of `bytes`, and settles when the reader has taken them. */
export async function writeConsole(bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await Deno.stdout.write(rest));
}

/** One line on stderr. A reader that has gone is no reason to end the guest. */
export function say(line: string): void {
  let rest = encoder.encode(line + "\n");
  try {
    while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
  } catch {
    return;
  }
}
