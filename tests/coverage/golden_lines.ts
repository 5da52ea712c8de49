/** How many lines of the goldens show a row: lines in which the conformance run finds us to agree. */
import { readExceptions } from "../conformance/exceptions.ts";
import { type Expected, readGolden } from "../conformance/golden.ts";
import type { Row } from "./row.ts";

let lines: Expected[] | undefined;

function all(): Expected[] {
  if (lines) return lines;
  const exceptions = readExceptions();
  return lines = (["domU", "domU-2vcpu", "crash"] as const).flatMap(readGolden)
    .filter((e) => !exceptions.has(e.key));
}

function pattern(glob: string): RegExp {
  const text = glob.split("*").map((s) => s.replace(/[.#]/g, "\\$&")).join(".*");
  return new RegExp(`^${text}(#\\d+)?$`);
}

/** Lines that one of a row's patterns finds. */
export function goldenLines(row: Row, glob: string): Expected[] {
  const wanted = pattern(glob);
  return all().filter((e) => wanted.test(e.key) && (!row.shows || row.shows.test(e.line)));
}

/** `subject number` for each subject with lines about a row, the largest first. */
export function goldenCell(row: Row): string {
  const found = new Set(row.golden.flatMap((glob) => goldenLines(row, glob)));
  const counts = new Map<string, number>();
  for (const { subject } of found) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([s, n]) => `\`${s}\` ${n}`).join(", ");
}
