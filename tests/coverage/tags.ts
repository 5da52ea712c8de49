/**
 * Tags in the names of tests: `Deno.test("a second pin is refused [mmuext_op.pin_l1_table]", …)`.
 *
 * They are found in the sources, so a name may be a template or a sum of literals as long as its tags
 * are written out. `*` stands for any one part of a tag.
 */
import type { Row } from "./row.ts";

const ROOT = new URL("../../", import.meta.url);

/** A tagged test: where it is, and its tags without brackets. */
export interface Tagged {
  /** Path below the repository. */
  file: string;
  tags: string[];
}

/** The literals, joined by +, that name a test: behind `…test(` or `…test({ name:`. */
const NAME =
  /\b\w*[tT]est(?:\.\w+)?\(\s*(?:\{\s*name:\s*)?((?:(["'`])(?:\\.|(?!\2)[^\\])*\2\s*\+?\s*)+)/g;
const TAGS = /((?:\s*\[[a-z0-9_]+(?:\.[\w#*]+)*\])+)["'`]\s*$/;

/** Tags at the end of each test's name in a source. */
export function tagsIn(source: string): string[][] {
  const found: string[][] = [];
  for (const [, literals] of source.matchAll(NAME)) {
    const joined = literals.trim().replace(/(["'`])\s*\+\s*(["'`])/g, "");
    const tags = TAGS.exec(joined)?.[1].match(/[^\s[\]]+/g);
    if (tags) found.push(tags);
  }
  return found;
}

/** The test files below a folder, whose name ends with a slash, in order; but for those of this one. */
export function* testFiles(folder: string, root: URL = ROOT): Generator<string> {
  const entries = [...Deno.readDirSync(new URL(folder, root))];
  for (const { name, isDirectory } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (name.startsWith(".") || name === "coverage") continue;
    if (isDirectory) yield* testFiles(`${folder}${name}/`, root);
    else if (name.endsWith("_test.ts")) yield folder + name;
  }
}

/** All tagged tests of the repository, by path. */
export function taggedTests(): Tagged[] {
  const files = ["bench/", "core/", "guest/", "jit/", "tests/"].flatMap((f) => [...testFiles(f)]);
  return files.flatMap((file) =>
    tagsIn(Deno.readTextFileSync(new URL(file, ROOT))).map((tags) => ({ file, tags }))
  );
}

function matches(pattern: string, tag: string): boolean {
  const parts = pattern.split("."), named = tag.split(".");
  return parts.length === named.length && parts.every((p, n) => p === "*" || p === named[n]);
}

/**
 * Tags of the rows that a test claims by one of its tags; none for a tag that no row has.
 *
 * `[errno.EBUSY]` stands for the error of each hypercall that the same name has tags of.
 */
export function claims(tag: string, test: Tagged, rows: Row[]): string[] {
  const error = /^errno\.(E\w+)$/.exec(tag)?.[1];
  const wanted = error ? test.tags.map((t) => `errno.${t.split(".")[0]}.${error}`) : [tag];
  return [
    ...new Set(
      wanted.flatMap((w) => rows.filter((r) => matches(w, r.tag)).map((r) => r.tag)),
    ),
  ];
}
