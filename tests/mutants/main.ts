/**
 * `deno task mutants [WHERE…]`: which checks of the hypervisor could be dropped with no test failing?
 *
 * Every check in WHERE (a folder below core/wasm, a file there, or a line: `grants`, `grants/use.ts:142`)
 * is dropped, one at a time (sites.ts), and the tests that it decides in are run, those of its folder and
 * the quickest first, until one fails. What is printed in the end is what no test noticed: it wants a
 * test, or is there twice, or cannot be seen from outside. Takes hours; `--tests PATH` has those below
 * tests/PATH only (may be given again), `--longest SECONDS` leaves out the test files that take longer,
 * and `--jobs N` has so many run at once. On a busy machine a test that is slow counts as one that failed.
 */
import { parseArgs } from "node:util";
import { ROOT } from "../../core/build/inputs.ts";
import { testFiles } from "../coverage/tags.ts";
import { type Mutant, mutatedTree } from "./tree.ts";

const FOLDERS = [
  "frames",
  "grants",
  "events",
  "hypercalls",
  "pagetables",
  "segments",
  "traps",
  "domains",
];
/** Folders of tests that ask nothing of a check: other processes, browsers, documents, load. */
const ASIDE = [
  "web",
  "library",
  "docs",
  "leak",
  "soak",
  "fuzz",
  "mutants",
  "cli",
];
const TREE = new URL(".cache/mutants/tree/", ROOT);
const REPORTS = new URL(".cache/mutants/reports/", ROOT);

/** A test file, and what it did with nothing dropped. */
interface Run {
  path: string;
  seconds: number;
  decided: Set<number>;
}

/** Runs test files in the changed tree. @returns whether all passed, in `limit` seconds */
async function pass(paths: string[], env: Record<string, string>, limit: number): Promise<boolean> {
  const args = ["test", "-A", "--no-check", "--quiet", "--fail-fast"];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [...args, "--preload", "./tests/mutants/choose.ts", ...paths],
    cwd: TREE,
    env: { PARAVANE_SEED: "1", ...env },
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(limit * 1000),
  }).output();
  return success;
}

/** Does `work` for each item, some at a time. */
async function each<T>(items: T[], jobs: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

async function baseline(path: string, count: number, n: number): Promise<Run | null> {
  const report = new URL(`${n}`, REPORTS);
  Deno.writeTextFileSync(report, "");
  const began = performance.now();
  const env = { PARAVANE_DECIDED: report.pathname, PARAVANE_MUTANTS: `${count}` };
  if (!await pass([path], env, 600)) {
    console.error(`mutants: ${path} fails with nothing dropped, and is left out`);
    return null;
  }
  const decided = new Set(Deno.readTextFileSync(report).split("\n").filter(Boolean).map(Number));
  return { path, seconds: (performance.now() - began) / 1000, decided };
}

function show({ file, line, text, as }: Mutant): string {
  return `core/wasm/${file}:${line}: ${text}  (taken for ${as})`;
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: "2" },
    tests: { type: "string", multiple: true, default: [""] },
    longest: { type: "string", default: "600" },
  },
});
const jobs = Number(values.jobs);
for (const folder of [TREE, REPORTS]) {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  Deno.mkdirSync(folder, { recursive: true });
}
const where = positionals.length ? positionals : FOLDERS;
const folders = [...new Set(where.map((place) => place.split("/")[0]))];
const everywhere = await mutatedTree(TREE, folders);
const mutants = everywhere.filter(({ file, line }) =>
  where.some((place) => [file.split("/")[0], file, `${file}:${line}`].includes(place))
);
const built = await new Deno.Command(Deno.execPath(), { args: ["task", "-q", "build"], cwd: TREE })
  .spawn().status;
if (!built.success) throw new Error("the hypervisor with the mutants in it does not build");

const runs: Run[] = [];
const decided = new Set<number>();
const files = [...testFiles("tests/", TREE)].filter((path) =>
  !ASIDE.includes(path.split("/")[1]) && values.tests.some((t) => path.startsWith(`tests/${t}`))
);
await each(files.map((path, n) => ({ path, n })), jobs, async ({ path, n }) => {
  const run = await baseline(path, everywhere.length, n);
  if (!run) return;
  run.decided.forEach((number) => decided.add(number));
  if (run.seconds <= Number(values.longest)) runs.push(run);
});
runs.sort((a, b) => a.seconds - b.seconds);
const never = mutants.filter(({ number }) => !decided.has(number));
console.log(`${mutants.length} checks, ${never.length} of them never decide in a test:`);
for (const mutant of never) console.log(show(mutant));

console.log("dropped, and no test fails:");
let caught = 0, missed = 0;
await each(mutants.filter(({ number }) => decided.has(number)), jobs, async (mutant) => {
  const about = `tests/${mutant.file.split("/")[0]}/`;
  const deciding = runs.filter(({ decided }) => decided.has(mutant.number));
  for (const near of [true, false]) {
    const some = deciding.filter(({ path }) => path.startsWith(about) === near);
    const seconds = some.reduce((sum, run) => sum + run.seconds, 0);
    const env = { PARAVANE_MUTANT: `${mutant.number}` };
    if (!some.length || await pass(some.map(({ path }) => path), env, 30 + 4 * seconds)) continue;
    if (++caught % 50 === 0) console.error(`mutants: ${caught} caught, ${missed} not so far`);
    return;
  }
  missed++;
  console.log(show(mutant));
});
console.log(`${caught} caught, ${missed} not, ${never.length} never decide`);
