/**
 * `deno task bench:boot [--json]`: what a user feels before and between the work.
 *
 * From process start to the built-in guest's first line and to GRUB's prompt; then, with the built-in
 * guest blocked and waiting for a shutdown request, the share of a core the host uses and its resident
 * memory (from /proc, so on Linux only). The same for 64 small guests joined by --and, until each of
 * them has said its line.
 */
import { fileURLToPath } from "node:url";
import { loadGuest, loadModule } from "../core/build/load.ts";
import { DebianUnavailable } from "../tests/debian/apt.ts";
import { guestForTest } from "../tests/guests/debian.ts";

/** Runs of which the middle one counts. */
const RUNS = 5;

/** MiB the guest has, the command line's default. */
const GUEST_MIB = 64;

/** Small guests on one command line, and the MiB of each. */
const MANY = 64;
const SMALL_MIB = 8;

/** Seconds over which the processor time of a blocked guest is measured. */
const IDLE_SECONDS = 5;

/** A boot under measurement: its standard input stays open, so nothing asks it to shut down. */
class Boot implements AsyncDisposable {
  readonly #start = performance.now();
  readonly #child: Deno.ChildProcess;
  #output = "";

  constructor(args: string[]) {
    const cli = fileURLToPath(new URL("../core/host/cli.ts", import.meta.url));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", cli, "-m", String(GUEST_MIB), "--timeout", "60", ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  }

  /**
   * Waits for text on the guests' consoles.
   *
   * @param text a regular expression with the flag g when it is to be found several times
   * @returns milliseconds from process start until it was there; null if the process ended without it
   */
  async until(text: RegExp, times = 1): Promise<number | null> {
    const decoder = new TextDecoder();
    const reader = this.#child.stdout.getReader();
    try {
      while ((this.#output.match(text)?.length ?? 0) < times) {
        const { value, done } = await reader.read();
        if (done) return null;
        this.#output += decoder.decode(value, { stream: true });
      }
      return performance.now() - this.#start;
    } finally {
      reader.releaseLock();
    }
  }

  /** Processor time used up to now, user and system, in seconds. Linux counts hundredths. */
  processorSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Resident memory in MiB. */
  residentMib(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.stdin.abort().catch(() => {});
    await this.#child.stdout.cancel();
    await this.#child.status;
  }
}

/** The middle of several boots, in milliseconds; null if any did not come so far. */
async function median(args: string[], text: RegExp, count = 1): Promise<number | null> {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    await using boot = new Boot(args);
    const time = await boot.until(text, count);
    if (time === null) return null;
    times.push(time);
  }
  return times.sort((a, b) => a - b)[RUNS >> 1];
}

/** GRUB's image; null, after a line that says so, where it cannot be had. */
async function grub(): Promise<string | null> {
  try {
    const url = await guestForTest("grub-i386-xen.bin");
    return url && fileURLToPath(url);
  } catch (error) {
    if (!(error instanceof DebianUnavailable)) throw error;
    console.error(`bench: ${error.message}`);
    return null;
  }
}

/** Many small guests. */
const many = Array.from(
  { length: MANY },
  (_, n) => [...(n === 0 ? [] : ["--and"]), "echo", "-m", String(SMALL_MIB)],
).flat();
const manyLines = /echo ready/g;

/** Processor share in percent and resident MiB of blocked guests; null where /proc is not there. */
async function idle(
  args: string[],
  text: RegExp,
  times = 1,
): Promise<{ percent: number; mib: number } | null> {
  await using boot = new Boot(args);
  if (await boot.until(text, times) === null) return null;
  try {
    boot.residentMib();
  } catch {
    return null;
  }
  const sleep = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));
  await sleep(1);
  const before = boot.processorSeconds();
  await sleep(IDLE_SECONDS);
  return {
    percent: (boot.processorSeconds() - before) / IDLE_SECONDS * 100,
    mib: boot.residentMib(),
  };
}

// The first boot of a changed tree builds it; that is not what is measured.
await loadModule();
await loadGuest("");
const firstLine = await median([], /\n/);
const image = await grub();
const prompt = image === null ? null : await median([image], /grub> /);
const blocked = await idle([], /\n/);
const one = await median(["echo", "-m", String(SMALL_MIB)], manyLines);
const all = await median(many, manyLines, MANY);
const allBlocked = await idle(many, manyLines, MANY);

if (Deno.args.includes("--json")) {
  console.log(JSON.stringify({ firstLine, prompt, blocked, one, all, allBlocked }, null, 2));
} else {
  const row = (what: string, value: string | null, aim: string) =>
    console.log(`${what.padEnd(34)}${(value ?? "not reached").padStart(12)}   aim: ${aim}`);
  const ms = (time: number | null) => time === null ? null : `${time.toFixed(0)} ms`;
  row("built-in guest's first line", ms(firstLine), "600 ms");
  row("GRUB's prompt", ms(prompt), "3000 ms");
  row("processor share while blocked", blocked && `${blocked.percent.toFixed(1)} %`, "below 1 %");
  row(
    `resident, guest of ${GUEST_MIB} MiB`,
    blocked && `${blocked.mib.toFixed(0)} MiB`,
    `${GUEST_MIB + 80} MiB`,
  );
  row(`a guest of ${SMALL_MIB} MiB: its first line`, ms(one), "600 ms");
  row(`${MANY} of them: ${MANY} first lines`, ms(all), "2000 ms");
  row(
    "processor share while all block",
    allBlocked && `${allBlocked.percent.toFixed(1)} %`,
    "below 1 %",
  );
  row(`resident, ${MANY} guests`, allBlocked && `${allBlocked.mib.toFixed(0)} MiB`, "256 MiB");
}
