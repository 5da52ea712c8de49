/** Compares what a guest printed with a golden, line by line. */
import { type Expected, keyed } from "./golden.ts";

/** A check that does not agree. */
export interface Difference {
  key: string;
  expected: string;
  /** What we printed; null if the guest did not get so far or left the line out. */
  got: string | null;
}

/** How one subject stands. */
export interface SubjectResult {
  subject: string;
  lines: number;
  agree: number;
  differences: Difference[];
  /** Lines the golden does not have, unexpected traps among them. */
  extra: string[];
  /** The hypervisor's log of a run that broke off in this subject. */
  log: string[];
}

/**
 * Compares, by subject in the golden's order.
 *
 * @param golden the lines expected
 * @param observed what the guest printed
 * @param subjects those to compare; none = all of the golden
 */
export function compare(
  golden: Expected[],
  observed: string[],
  subjects?: string[],
): SubjectResult[] {
  const got = keyed(observed);
  const results = new Map<string, SubjectResult>();
  for (const expected of golden) {
    const { subject } = expected;
    if (subjects && !subjects.includes(subject)) continue;
    let result = results.get(subject);
    if (!result) {
      results.set(
        subject,
        result = { subject, lines: 0, agree: 0, differences: [], extra: [], log: [] },
      );
    }
    result.lines++;
    const line = got.get(expected.key) ?? null;
    got.delete(expected.key);
    if (line !== null && expected.accepts(line)) result.agree++;
    else result.differences.push({ key: expected.key, expected: expected.line, got: line });
  }
  for (const [key, line] of got) {
    const subject = key.startsWith("UNEXPECTED.")
      ? key.slice("UNEXPECTED.".length).replace(/#.*/, "")
      : key.slice(0, key.indexOf("."));
    results.get(subject)?.extra.push(line);
  }
  return [...results.values()];
}

/** Lines that agree, over all subjects. */
export function total(results: SubjectResult[]): { agree: number; lines: number } {
  return results.reduce(
    (sum, r) => ({ agree: sum.agree + r.agree, lines: sum.lines + r.lines }),
    { agree: 0, lines: 0 },
  );
}

/** A table of agreement: `subject  agree/lines`, several to a row. */
export function table(results: SubjectResult[]): string {
  const cells = results.map((r) => `${r.subject} ${r.agree}/${r.lines}`.padEnd(17));
  const rows: string[] = [];
  for (let i = 0; i < cells.length; i += 5) rows.push(cells.slice(i, i + 5).join("").trimEnd());
  return rows.join("\n");
}
