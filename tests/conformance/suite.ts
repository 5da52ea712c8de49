/** Runs pv32.elf, as often as it takes to hear all subjects out, and compares. */
import { boot } from "./boot.ts";
import { compare, type SubjectResult } from "./compare.ts";
import { type Expected, readGolden } from "./golden.ts";

/** Results by golden. */
export interface SuiteResult {
  domU: SubjectResult[];
  smp: SubjectResult[];
  crash: SubjectResult[];
}

/** Names of all subjects: those of the one-vCPU golden, then `smp` and `crash`. */
export function subjectNames(): string[] {
  return [...new Set(readGolden("domU").map((e) => e.subject)), "smp", "crash"];
}

/** Whether the guest came through a subject: all its lines are there and nothing unexpected. */
function complete(result: SubjectResult): boolean {
  return result.extra.length === 0 && result.differences.every((d) => d.got !== null);
}

/**
 * Compares some subjects of one golden.
 *
 * First all of them in one run, as when the golden was made. Where that run ended early or a subject
 * was cut short, the subject runs once more by itself, and the better of the two counts.
 */
async function runSubjects(
  golden: Expected[],
  subjects: string[],
  vcpus: number,
  whole: boolean,
): Promise<SubjectResult[]> {
  const commandLine = whole ? "" : `only=${subjects.join("+")}`;
  const { lines } = await boot({ commandLine, vcpus, seconds: 120 });
  const results = compare(golden, lines, subjects);
  for (const [i, result] of results.entries()) {
    if (complete(result)) continue;
    const again = await boot({ commandLine: `only=${result.subject} sync`, vcpus, seconds: 90 });
    const [alone] = compare(golden, again.lines, [result.subject]);
    if (alone.agree >= result.agree) results[i] = alone;
    if (!again.lines.some((line) => line.startsWith("DONE"))) results[i].log = again.log;
  }
  return results;
}

/** Runs the crash modes: each boots once, and the reason of its end is what is compared. */
async function runCrashModes(): Promise<SubjectResult[]> {
  const golden = readGolden("crash");
  const lines: string[] = [];
  for (const { key } of golden) {
    const mode = key.slice("crash.".length);
    const end = await boot({ commandLine: `crash=${mode}`, vcpus: 1, seconds: 90 });
    const survived = end.lines.includes(`${key}: survived`) ? " survived" : "";
    lines.push(`${key}: reason=${end.reason ?? "none"}${survived}`);
  }
  return compare(golden, lines);
}

/**
 * Runs the suite.
 *
 * @param subjects those to run (see `subjectNames`); none = all
 */
export async function runSuite(subjects: string[] = []): Promise<SuiteResult> {
  const all = subjects.length === 0;
  const single = subjects.filter((s) => s !== "smp" && s !== "crash");
  const names = subjectNames().filter((s) => s !== "smp" && s !== "crash");
  return {
    domU: all || single.length > 0
      ? await runSubjects(readGolden("domU"), all ? names : single, 1, all)
      : [],
    smp: all || subjects.includes("smp")
      ? await runSubjects(readGolden("domU-2vcpu"), ["smp"], 2, false)
      : [],
    crash: all || subjects.includes("crash") ? await runCrashModes() : [],
  };
}
