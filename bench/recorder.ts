/** Turns the timestamped lines of a benchmark program (bench/guest/fe.h) into times of kernels. */

/** One kernel's result: the quietest round counts, as noise only ever adds. */
export interface Timing {
  /** Seconds of the quietest round. */
  seconds: number;
  /** Seconds of each round, in order: an engine is cold in the first. */
  rounds: number[];
  /** Iterations of a round. */
  iterations: number;
  /** Checksum, the same wherever the same kernel runs as often. */
  sum: string;
}

/** Reads lines as they come. */
export class Recorder {
  readonly timings = new Map<string, Timing>();
  /** Milliseconds of the first and of the READY line, on the caller's clock. */
  first: number | null = null;
  ready: number | null = null;
  /** Whether DONE was seen. */
  done = false;
  /** A line by which the program gave up. */
  panic: string | null = null;
  #begun: number | null = null;

  /**
   * Takes one line.
   *
   * @param now milliseconds when it came
   */
  line(now: number, text: string): void {
    this.first ??= now;
    const [word, name, , n, sum] = text.trim().split(" ");
    if (word === "READY") this.ready = now;
    else if (word === "B") this.#begun = now;
    else if (word === "E" && this.#begun !== null) {
      const seconds = (now - this.#begun) / 1000;
      const rounds = [...this.timings.get(name)?.rounds ?? [], seconds];
      this.timings.set(name, {
        seconds: Math.min(...rounds),
        rounds,
        iterations: Number(n.slice("n=".length)),
        sum: sum.slice("sum=".length),
      });
      this.#begun = null;
    } else if (word === "DONE") this.done = true;
    else if (text.includes("PANIC")) this.panic = text.trim();
  }
}

/**
 * Runs a program and records its standard output.
 *
 * @param command the program and its arguments
 * @param recorder takes the lines, with times from the program's start
 * @param watch is called with the process's number whenever it has said something
 * @returns its exit status
 * @throws Deno.errors.NotFound and others where the program cannot be started
 */
export async function record(
  command: string[],
  recorder: Recorder,
  watch: (pid: number) => void = () => {},
): Promise<number> {
  const start = performance.now();
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of child.stdout) {
    const now = performance.now() - start;
    watch(child.pid);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) recorder.line(now, line);
  }
  if (rest !== "") recorder.line(performance.now() - start, rest);
  return (await child.status).code;
}
