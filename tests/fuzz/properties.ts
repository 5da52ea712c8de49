/** The property tests over and over, each time with the next seed. */
import { fileURLToPath } from "node:url";
import type { Fuzz } from "./what.ts";

const ROOT = new URL("../../", import.meta.url);
/** Runs of a property that says nothing else: fast-check's own number. */
const DEFAULT_RUNS = 100;

/** Test files below a folder that use fast-check, relative to the root. */
export function* propertyTests(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = folder + entry.name;
    if (entry.isDirectory) yield* propertyTests(path + "/");
    else if (path.endsWith("_test.ts")) {
      if (/from "fast-check"/.test(Deno.readTextFileSync(new URL(path, ROOT)))) yield path;
    }
  }
}

/** How many examples the properties of a file try each time. */
function runsIn(path: string): number {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  const said = [...text.matchAll(/numRuns: (\d+)/g)].map((m) => Number(m[1]));
  const silent = [...text.matchAll(/fc\.assert\(/g)].length - said.length;
  return said.reduce((a, b) => a + b, 0) + Math.max(silent, 0) * DEFAULT_RUNS;
}

/** A fuzzer of these test files. It stops at the first failure, which fast-check has shrunk. */
export function fuzzProperties(files: readonly string[]): Fuzz {
  return async ({ seconds, seed: first, say }) => {
    say(`fuzz: ${files.join(" ")}`);
    const each = files.reduce((n, f) => n + runsIn(f), 0);
    const end = performance.now() + seconds * 1000;
    let cases = 0;
    for (let seed = first; cases === 0 || performance.now() < end; seed = (seed + 1) >>> 0) {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "-A", "--no-check", ...files],
        cwd: fileURLToPath(ROOT),
        env: { PARAVANE_SEED: String(seed) },
        stdout: "piped",
        stderr: "piped",
      }).output();
      cases += each;
      if (code === 0) continue;
      await Deno.stdout.write(stdout);
      await Deno.stderr.write(stderr);
      say(`fuzz: seed ${seed}`);
      return { cases, failures: 1 };
    }
    return { cases, failures: 0 };
  };
}
