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
  const { stdout, ...rest } = await bootForBytes(args, input);
  return { stdout: new TextDecoder().decode(stdout), ...rest };
}

/** The same with standard output as it is: a guest's console may show any bytes. */
export async function bootForBytes(
  args: string[],
  input = "",
): Promise<{ status: number; stdout: Uint8Array; stderr: string }> {
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
  return { status: code, stdout, stderr: new TextDecoder().decode(stderr) };
}
