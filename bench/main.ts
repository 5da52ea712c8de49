/**
 * `deno task bench [--json] [--rounds N] [--div N] [--only a,b]`
 *
 * Runs one set of kernels (bench/guest) as a native 32-bit program and as a PV guest in Paravane, once
 * interpreted and once translated, and prints how many times longer ours took; then the operations only
 * a PV guest has, in microseconds. Translated rounds include the warming up; the quietest counts.
 * Paravane runs 1/N of the iterations (--div, 2 if not given) and its times are scaled.
 * The guest never reads a clock: lines are timestamped here. The quietest of the rounds counts.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { guestMachine } from "./guest_machine.ts";
import { record, Recorder } from "./recorder.ts";
import {
  COMPUTE,
  INTERPRETER_BAR,
  OPERATIONS,
  QEMU_RATIO,
  V86_INTERPRETER_RATIO,
  V86_JIT_RATIO,
} from "./reference.ts";

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

/** The same kernels as a guest in Paravane. */
async function paravane(jit: boolean, rounds: number): Promise<Recorder> {
  const recorder = await guestMachine(jit, `rounds=${rounds} div=${values.div}${only}`);
  if (!recorder.done || recorder.panic) {
    console.error(`bench: the guest did not end well: ${recorder.panic ?? "no DONE"}`);
    Deno.exitCode = 1;
  }
  return recorder;
}

/** A number with three significant digits. */
const short = (n: number) => (n >= 100 ? n.toFixed(0) : n.toPrecision(3));

const base = new Recorder();
await native(base);
const rounds = Number(values.rounds);
const interpreted = await paravane(false, rounds);
const translated = await paravane(true, rounds * 2);
if (base.timings.size > 0) await native(base);

/** A kernel's time for as many iterations as the native program's, and whether the sums agree. */
function compared(name: string, ours: Recorder) {
  const mine = ours.timings.get(name);
  const theirs = base.timings.get(name);
  if (!mine) return null;
  const iterations = theirs?.iterations ?? mine.iterations;
  const seconds = mine.seconds * iterations / mine.iterations;
  if (theirs && iterations === mine.iterations && theirs.sum !== mine.sum) {
    console.error(`bench: ${name} gives another sum than the native program`);
    Deno.exitCode = 1;
  }
  return { seconds, ratio: theirs ? seconds / theirs.seconds : null };
}

const compute = COMPUTE.filter((name) => interpreted.timings.has(name)).map((name) => ({
  name,
  native: base.timings.get(name)?.seconds ?? null,
  interpreted: compared(name, interpreted),
  translated: compared(name, translated),
}));

/** Geometric mean of a tier's ratios, without movsd: one instruction that any engine copies by. */
function mean(tier: "interpreted" | "translated"): number | null {
  const ratios = compute.filter((k) => k.name !== "movsd").flatMap((k) => k[tier]?.ratio ?? []);
  if (ratios.length === 0) return null;
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}
const means = { interpreted: mean("interpreted"), translated: mean("translated") };

const operations = Object.entries(OPERATIONS).flatMap(([name, { what, xen }]) => {
  const [one, other] = [interpreted, translated].map((r) => r.timings.get(name));
  if (!one || !other) return [];
  const microseconds = [one, other].map((t) => t.seconds * 1e6 / t.iterations);
  return [{ name, what, interpreted: microseconds[0], translated: microseconds[1], xen }];
});

if (values.json) {
  console.log(JSON.stringify({ compute, means, operations }, null, 2));
} else {
  const column = (n: number | null | undefined, digits: number, width: number) =>
    (n === null || n === undefined ? "-" : n.toFixed(digits)).padStart(width);
  console.log("kernel      native s  interpreted s  × native  translated s  × native");
  for (const { name, native, interpreted: i, translated: t } of compute) {
    console.log(
      name.padEnd(9) + column(native, 4, 11) + column(i?.seconds, 3, 15) +
        column(i?.ratio, 1, 10) + column(t?.seconds, 3, 14) + column(t?.ratio, 1, 10),
    );
  }
  console.log(
    "mean without movsd".padEnd(35) + column(means.interpreted, 1, 10) + " ".repeat(14) +
      column(means.translated, 1, 10),
  );
  console.log(
    `(geometric; aim of the interpreter: at most ${INTERPRETER_BAR}; ` +
      `v86's interpreter: ${V86_INTERPRETER_RATIO}, v86's JIT: ${V86_JIT_RATIO}, ` +
      `QEMU TCG: ${QEMU_RATIO})`,
  );
  console.log(
    "\noperation  interpreted µs  translated µs   Xen in QEMU µs, and without mitigation",
  );
  for (const { name, what, interpreted: i, translated: t, xen } of operations) {
    console.log(
      name.padEnd(10) + short(i).padStart(15) + short(t).padStart(15) +
        short(xen[0]).padStart(10) + short(xen[1]).padStart(10) + `   ${what}`,
    );
  }
}
