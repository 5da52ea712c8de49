/** Runs the command line as a user does: a process of its own, with what it is typed. */
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../core/host/cli.ts", import.meta.url));

/** What a process left behind. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/**
 * Boots a guest by the command line and waits for the end of the process.
 *
 * @param args arguments of `deno task boot`; give `--timeout`
 * @param input what standard input holds before it ends
 */
export async function bootByCommandLine(args: string[], input = ""): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CLI, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A process that ends at once (a refused image) may close the pipe first.
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(
    () => {},
  );
  const { code, stdout, stderr } = await child.output();
  await written;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: text(stderr) };
}
