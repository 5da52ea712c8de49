/**
 * `deno task bench:peers [--rounds N] [--runs N] [--div N] [--only a,b] [--tiers] [--json FILE] [--svg FILE]`
 *
 * The same kernels (bench/guest) on the processor itself, in Paravane, in v86 and in QEMU's TCG, turn by
 * turn in one sitting, each run in a fresh process. A run's first round is cold, the quietest of the
 * others warm; noise only ever adds, so the least of all runs counts. The JSON has seconds as
 * `warm.ENGINE.KERNEL` and `cold.…`, and `geometricMeans.warm.ENGINE.OTHER`: how many times as long.
 * With `--tiers` it is Paravane as it comes, its first tier and its interpreter that take turns.
 *
 * Reading order: engine.ts, process.ts and script.ts (who runs), results.ts, table.ts, chart.ts.
 */
import { parseArgs } from "node:util";
import { loadModule } from "../../core/build/load.ts";
import type { Engine, Run } from "./engine.ts";
import { native, qemu } from "./process.ts";
import { disagreements, meanRatio, type Times, timesOf } from "./results.ts";
import { paravane, v86 } from "./script.ts";
import { bars, table } from "./table.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    runs: { type: "string", default: "3" },
    div: { type: "string", default: "1" },
    only: { type: "string" },
    tiers: { type: "boolean", default: false },
    json: { type: "string" },
    svg: { type: "string" },
  },
});
const commandLine = `rounds=${values.rounds} div=${values.div}` +
  (values.only ? ` only=${values.only}` : "");

/** The engines that can run here; says plainly which cannot. */
async function available(engines: Engine[]): Promise<Engine[]> {
  const found: Engine[] = [];
  for (const engine of engines) {
    const missing = await engine.missing();
    if (missing) console.error(`bench: without ${engine.name}: ${missing}`);
    else found.push(engine);
  }
  return found;
}

await loadModule(); // the build is not what is measured
const engines = await available(
  values.tiers
    ? [native, paravane("on"), paravane("quick"), paravane("off")]
    : [native, paravane("on"), v86, qemu],
);
const runs = new Map<string, Run[]>(engines.map((e) => [e.name, []]));
for (let n = 0; n < Number(values.runs); n++) {
  for (const engine of engines) runs.get(engine.name)!.push(await engine.run(commandLine));
}

const all = new Map<string, Times>([...runs].map(([name, list]) => [name, timesOf(list)]));
console.log(table(all));
for (const line of disagreements(all)) {
  console.error(`bench: checksums differ: ${line}`);
  Deno.exitCode = 1;
}

if (values.json) {
  /** Something of each engine, by its name. */
  const each = <T>(get: (times: Times) => T) =>
    Object.fromEntries([...all].map(([name, times]) => [name, get(times)]));
  const report = {
    warm: each((ours) => ours.warm),
    cold: each((ours) => ours.cold),
    geometricMeans: {
      warm: each((ours) => each((theirs) => meanRatio(ours.warm, theirs.warm))),
      cold: each((ours) => each((theirs) => meanRatio(ours.cold, theirs.cold))),
    },
    residentMib: each((ours) => ours.residentMib),
  };
  await Deno.writeTextFile(values.json, JSON.stringify(report, null, 2) + "\n");
}
if (values.svg) {
  const { chart } = await import("./chart.ts");
  await Deno.writeTextFile(values.svg, await chart(...bars(all)));
}
