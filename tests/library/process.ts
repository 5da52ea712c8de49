/** Other programs, for tests: run to their end, with what they are given and what they said. */

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program.
 *
 * @param input what standard input holds before it ends
 * @param cwd the folder it runs in
 */
export async function run(
  command: string,
  args: string[],
  { input = "", cwd }: { input?: string; cwd?: URL } = {},
): Promise<Ended> {
  const child = new Deno.Command(command, {
    args,
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).spawn();
  const writer = child.stdin.getWriter();
  // a program that ends at once may close the pipe first
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close())
    .catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Whether Node is here, after a line that says so if it is not; in CI it has to be. */
export async function hasNode(): Promise<boolean> {
  try {
    return (await run("node", ["--version"])).code === 0;
  } catch (error) {
    if (Deno.env.get("CI") === "true") throw error;
    console.error(`not run in Node: ${error}`);
    return false;
  }
}
