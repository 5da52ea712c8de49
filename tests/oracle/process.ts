/** A generated program as a process of the host's. */

/**
 * Runs an executable that leaves its result records on standard output.
 *
 * @param image an ELF file
 * @param bytes how long its output has to be
 * @param timeout milliseconds it may take
 * @throws Error if the process could not run, or ended other than it should
 */
export async function runProcess(
  image: Uint8Array,
  bytes: number,
  timeout: number,
): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "paravane-oracle-" });
  try {
    const path = `${folder}/cases`;
    await Deno.writeFile(path, image, { mode: 0o700 });
    const { code, signal, stdout } = await new Deno.Command(path, {
      stdout: "piped",
      signal: AbortSignal.timeout(timeout),
    }).output();
    if (code !== 0 || stdout.length !== bytes) {
      throw new Error(`the native process ended with ${signal ?? code}, ${stdout.length} bytes`);
    }
    return stdout;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
