/** docs/abi-coverage.md, from the rows and from the tags in the names of tests. */
import { goldenCell } from "./golden_lines.ts";
import type { Row, Section } from "./row.ts";
import { SECTIONS } from "./rows/mod.ts";
import { claims, type Tagged, taggedTests } from "./tags.ts";

const HEAD = `# What of the PV interface there is, and what shows it

The interface is Xen 4.17's for a 32-bit PAE guest without privileges. This page is generated
(\`deno task docs\`): its rows stand in \`tests/coverage/rows\`, and a test claims a row by the row's tag at
the end of its name. **Golden** counts lines, by subject, that real Xen 4.17.7 gave to a guest of ours and
that the conformance run compares with what we give (\`tests/conformance\`). **Tests** names files; search
them for the tag. What is refused is refused with Xen's own error, and that counts as there.
`;

/** Files whose tests claim each row, by tag. */
export function filesByTag(rows: Row[], tests: Tagged[] = taggedTests()): Map<string, Set<string>> {
  const files = new Map<string, Set<string>>();
  for (const test of tests) {
    for (const tag of test.tags) {
      for (const claimed of claims(tag, test, rows)) {
        files.set(claimed, (files.get(claimed) ?? new Set()).add(test.file));
      }
    }
  }
  return files;
}

/** One line of a Markdown table. Columns are not padded, so that a change of a row is a change of one line. */
const line = (...cells: string[]) => `| ${cells.join(" | ")} |`;

function section({ title, about, rows }: Section, files: Map<string, Set<string>>): string {
  const lines = rows.map((row) => {
    const tests = [...(files.get(row.tag) ?? [])].map((file) => file.replace(/^tests\//, ""));
    const what = row.what.replaceAll("|", "\\|");
    return line(`\`${row.tag}\``, what, goldenCell(row), tests.join(" "));
  });
  const head = [line("tag", "rule", "golden", "tests"), line("---", "---", "---", "---")];
  return `## ${title}\n\n${about}\n\n${[...head, ...lines].join("\n")}\n`;
}

/** The whole document. */
export function coverageDocument(): string {
  const rows = SECTIONS.flatMap((s) => s.rows);
  const files = filesByTag(rows);
  const own = rows.filter((row) => files.has(row.tag)).length;
  const golden = rows.filter((row) => goldenCell(row) !== "").length;
  const count =
    `${rows.length} rows: ${own} with tests of their own, ${golden} with golden lines.\n`;
  return [HEAD, count, ...SECTIONS.map((s) => section(s, files))].join("\n");
}
