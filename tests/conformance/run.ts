/**
 * Command line: `deno run -A tests/conformance/run.ts [--quiet] [SUBJECT…]`
 *
 * Boots pv32.elf, prints each line that differs from real Xen's (- Xen's, + ours), the log of a run that
 * broke off (!), and a table of agreement. Subjects as in the guest's README, with `smp` (two vCPUs) and `crash`; none = all.
 * `--quiet` prints the table alone. What may differ stands in exceptions.txt.
 */
import { table, total } from "./compare.ts";
import { runSuite, subjectNames } from "./suite.ts";

const flags = Deno.args.filter((arg) => arg.startsWith("--"));
const subjects = Deno.args.filter((arg) => !arg.startsWith("--"));
const known = subjectNames();
const unknown = [
  ...flags.filter((flag) => flag !== "--quiet"),
  ...subjects.filter((subject) => !known.includes(subject)),
];
if (unknown.length > 0) {
  console.error(`conformance: unknown ${unknown[0]}; subjects: ${known.join(" ")}`);
  Deno.exit(1);
}

const { domU, smp, crash } = await runSuite(subjects);
const results = [...domU, ...smp, ...crash];
if (!flags.includes("--quiet")) {
  for (const { differences, extra, log } of results) {
    for (const { expected, got } of differences) {
      if (got !== null) console.log(`- ${expected}\n+ ${got}`);
    }
    const silent = differences.filter(({ got }) => got === null).map(({ key }) => key);
    if (silent.length > 0) {
      const more = silent.length > 1
        ? ` and ${silent.length - 1} more, up to ${silent.at(-1)}`
        : "";
      console.log(`  not printed: ${silent[0]}${more}`);
    }
    for (const line of extra) console.log(`+ ${line}`);
    for (const line of log) console.log(`! ${line}`);
  }
}
console.log(table(results));
const { agree, lines } = total(results);
console.log(`${agree} of ${lines} lines agree`);
