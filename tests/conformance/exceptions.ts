/** The lines that may differ from the goldens: exceptions.txt, which is to stay short. */
import type { SubjectResult } from "./compare.ts";

const FILE = new URL("exceptions.txt", import.meta.url);

/** Reasons by key (`subject.check`). */
export function parseExceptions(text: string): Map<string, string> {
  const rows = text.split("\n").filter((row) => row !== "" && !row.startsWith("#"));
  return new Map(rows.map((row) => {
    const at = row.indexOf(": ");
    return [row.slice(0, at), row.slice(at + 2)];
  }));
}

/** Reads the committed list. */
export function readExceptions(): Map<string, string> {
  return parseExceptions(Deno.readTextFileSync(FILE));
}

/** A line for each check that differs without a reason, each reason that is not needed, and each extra line. */
export function complaints(results: SubjectResult[], exceptions: Map<string, string>): string[] {
  const unused = new Set(exceptions.keys());
  const found: string[] = [];
  for (const { differences, extra } of results) {
    for (const { key, expected, got } of differences) {
      if (!unused.delete(key)) found.push(`${expected} => ${got ?? "not printed"}`);
    }
    found.push(...extra.map((line) => `not in the golden: ${line}`));
  }
  return [...found, ...[...unused].map((key) => `agrees, or was not asked: ${key}`)];
}
