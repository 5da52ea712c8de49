/** docs/coverage.md names only what exists, and leaves no row without proof or the word gap. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

/** The cells of each row of the document's tables, heads and rules left out. */
const rows = read("docs/coverage.md").split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| -"))
  .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()))
  .filter((cells) => cells.at(-1) !== "test");

/** Subjects of the goldens: what stands before the first dot of a line. */
const subjects = new Set(
  ["domU", "domU-2vcpu"].map((name) => `golden-xen-4.17.7-${name}.txt`)
    .concat("golden-crash.txt")
    .flatMap((name) => read(`tests/conformance/guest/${name}`).split("\n"))
    .filter((line) => line.includes("."))
    .map((line) => line.split(".")[0]),
);

Deno.test("coverage: every test file and golden subject that is named exists", () => {
  assert.ok(rows.length > 50);
  for (const cells of rows) {
    const [goldens, tests] = cells.slice(-2);
    for (const [, subject] of goldens.matchAll(/`([^`]+)`/g)) {
      assert.ok(subjects.has(subject), `no golden subject ${subject}`);
    }
    for (const file of tests.split(" ").filter(Boolean)) {
      assert.ok(existsSync(new URL(`tests/${file}`, root)), `no test ${file}`);
    }
  }
});

Deno.test("coverage: a row is proven or says that it is a gap", () => {
  for (const cells of rows) {
    const proven = cells.at(-1) !== "" || cells.at(-2) !== "";
    assert.ok(proven || cells.join("|").includes("_gap_"), cells.join(" | "));
  }
});

Deno.test("coverage: every hypercall that is dispatched has a row", () => {
  const numbers = [...read("core/wasm/hypercalls/dispatch.ts").matchAll(/case (\d+):/g)]
    .map(([, n]) => Number(n));
  const covered = (n: number) =>
    rows.some(([range]) => {
      if (/^\d+(, \d+)*$/.test(range)) return range.split(", ").map(Number).includes(n);
      const [first, last] = range.split("–").map(Number);
      return n >= first && n <= last;
    });
  assert.ok(numbers.length > 30);
  for (const n of numbers) assert.ok(covered(n), `hypercall ${n}`);
});
