/**
 * `deno task fuzz [--seconds N] [FILE…]`: the property tests over and over, each time with new seeds.
 * `deno task fuzz --what cpu [--seconds N] [--seed N]`: decoder and instructions against iced-x86 and
 * the host's processor (tests/oracle/fuzz.ts), without end unless told.
 *
 * A test run tries every property a few hundred times; here it goes on until the time is up (a minute
 * if not given) or something fails. fast-check shrinks a failure and prints the seed and path that
 * bring it back. FILE…: these test files only; else all that use fast-check.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** Test files below a folder that use fast-check, relative to the root. */
function* propertyTests(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = folder + entry.name;
    if (entry.isDirectory) yield* propertyTests(path + "/");
    else if (path.endsWith("_test.ts")) {
      if (/from "fast-check"/.test(Deno.readTextFileSync(new URL(path, ROOT)))) yield path;
    }
  }
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { seconds: { type: "string" }, what: { type: "string" }, seed: { type: "string" } },
});
const cpu = values.what === "cpu";
const seconds = Number(values.seconds ?? (cpu ? Infinity : 60));
if (values.what !== undefined && !cpu) {
  console.error("fuzz: --what takes cpu");
  Deno.exit(1);
}
if (!(seconds > 0)) {
  console.error("fuzz: --seconds takes a positive number");
  Deno.exit(1);
}
if (cpu) {
  const { fuzzCpu } = await import("../oracle/fuzz.ts");
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  const { cases, encodings, failures } = await fuzzCpu(seconds, seed);
  console.log(`fuzz: ${cases} cases, ${encodings} encodings, ${failures} batches with differences`);
  Deno.exit(failures ? 1 : 0);
}
const files = positionals.length > 0
  ? positionals
  : ["core/", "jit/", "guest/", "tests/"].flatMap((folder) => [...propertyTests(folder)]).sort();
console.error(`fuzz: ${files.join(" ")}`);

const end = performance.now() + seconds * 1000;
let rounds = 0;
do {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...files],
    cwd: fileURLToPath(ROOT),
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    await Deno.stdout.write(stdout);
    await Deno.stderr.write(stderr);
    console.error(`fuzz: failed in round ${rounds + 1}`);
    Deno.exit(1);
  }
  rounds++;
} while (performance.now() < end);
console.log(`fuzz: ${rounds} rounds, nothing found`);
