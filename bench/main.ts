/**
 * `deno task bench [--json] [--rounds N] [--div N] [--only a,b]`
 *
 * Runs one set of kernels (bench/guest) as a native 32-bit program and as a PV guest in Paravane, and
 * prints how many times longer ours took; then the operations only a PV guest has, in microseconds.
 * Paravane runs 1/N of the iterations (--div, 2 if not given) and its times are scaled.
 * The guest never reads a clock: lines are timestamped here. The quietest of the rounds counts.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { createMachine } from "../mod.ts";
import { record, Recorder } from "./recorder.ts";
import { COMPUTE, INTERPRETER_BAR, OPERATIONS, V86_INTERPRETER_RATIO } from "./reference.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const { values } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    div: { type: "string", default: "2" },
    only: { type: "string" },
  },
});
const only = values.only ? ` only=${values.only}` : "";

/**
 * Runs the native program, where it can run (x86-64 Linux).
 *
 * @param recorder what to add its lines to: it runs before and after the guest, as a machine may be
 *   quieter at one time than at another
 */
async function native(recorder: Recorder): Promise<void> {
  try {
    await record([path("guest/native"), `rounds=4${only}`], recorder);
  } catch (error) {
    console.error(`bench: the native program does not run here: ${(error as Error).message}`);
  }
}

/**
 * The same kernels as a guest in Paravane. In this process, so that a line is timestamped when the
 * guest has said it and not when a pipe brings it.
 */
async function paravane(): Promise<Recorder> {
  const recorder = new Recorder();
  const decoder = new TextDecoder();
  let rest = "";
  const machine = await createMachine({ log: (line) => console.error(line) });
  const domain = await machine.addDomain(
    await Deno.readFile(new URL("guest/kernel-pv.elf", import.meta.url)),
    {
      commandLine: `con=ring rounds=${values.rounds} div=${values.div}${only}`,
      output: (bytes) => {
        const now = performance.now();
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) recorder.line(now, line);
      },
    },
  );
  const { name } = await domain.shutdown;
  await domain.console.drained();
  machine.stop();
  if (!recorder.done || name !== "poweroff") {
    console.error(`bench: the guest did not end well: ${recorder.panic ?? name}`);
    Deno.exitCode = 1;
  }
  return recorder;
}

/** A number with three significant digits. */
const short = (n: number) => (n >= 100 ? n.toFixed(0) : n.toPrecision(3));

const base = new Recorder();
await native(base);
const ours = await paravane();
if (base.timings.size > 0) await native(base);

/** Compute kernels that both ran: seconds for the native program's iterations. */
const compute = COMPUTE.filter((name) => ours.timings.has(name)).map((name) => {
  const mine = ours.timings.get(name)!;
  const theirs = base.timings.get(name);
  const iterations = theirs?.iterations ?? mine.iterations;
  const seconds = mine.seconds * iterations / mine.iterations;
  const same = !theirs || iterations !== mine.iterations || theirs.sum === mine.sum;
  return {
    name,
    native: theirs?.seconds ?? null,
    seconds,
    ratio: theirs ? seconds / theirs.seconds : null,
    sumAgrees: same,
  };
});
const ratios = compute.filter((k) => k.name !== "movsd" && k.ratio !== null).map((k) => k.ratio!);
const mean = ratios.length > 0
  ? Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
  : null;
const operations = Object.entries(OPERATIONS).filter(([name]) => ours.timings.has(name)).map(
  ([name, { what, xen }]) => {
    const { seconds, iterations } = ours.timings.get(name)!;
    return { name, what, microseconds: seconds * 1e6 / iterations, xen };
  },
);
for (const { name } of compute.filter((kernel) => !kernel.sumAgrees)) {
  console.error(`bench: ${name} gives another sum than the native program`);
  Deno.exitCode = 1;
}

if (values.json) {
  console.log(JSON.stringify({ compute, mean, operations }, null, 2));
} else {
  console.log("kernel      native s     ours s     times native");
  for (const { name, native, seconds, ratio } of compute) {
    console.log(
      name.padEnd(9) + (native === null ? "-" : native.toFixed(4)).padStart(11) +
        seconds.toFixed(3).padStart(11) + (ratio === null ? "-" : ratio.toFixed(1)).padStart(17),
    );
  }
  if (mean !== null) {
    console.log(
      `geometric mean without movsd: ${mean.toFixed(1)} times native ` +
        `(aim: at most ${INTERPRETER_BAR}; v86's interpreter: ${V86_INTERPRETER_RATIO})`,
    );
  }
  console.log("\noperation     ours µs     Xen in QEMU µs, and without SMEP, SMAP, mitigation");
  for (const { name, what, microseconds, xen } of operations) {
    console.log(
      name.padEnd(10) + short(microseconds).padStart(11) + short(xen[0]).padStart(10) +
        short(xen[1]).padStart(10) + `   ${what}`,
    );
  }
}
