/** What a row of docs/abi-coverage.md is: a rule of the interface, its tag, and the golden's lines about it. */

export interface Row {
  /** What tests put in brackets at the end of their names: a kind, a dot, and what of it. */
  tag: string;
  /** The rule, in a few words. */
  what: string;
  /** Checks of the goldens that show it: `subject.check`, with `*` for any letters. */
  golden: string[];
  /** Counts only golden lines in which this stands. */
  shows?: RegExp;
}

export interface Section {
  title: string;
  /** What to know before reading the table. */
  about: string;
  rows: Row[];
}

/** A row. @param golden patterns with blanks between them */
export function row(tag: string, what: string, golden = ""): Row {
  return { tag, what, golden: golden.split(" ").filter(Boolean) };
}

/** Rows of one kind, from `name: [what, golden]` or `name: what`. */
export function rowsOf(
  kind: string,
  table: Record<string, string | [what: string, golden?: string]>,
): Row[] {
  return Object.entries(table).map(([name, value]) =>
    typeof value === "string"
      ? row(`${kind}.${name}`, value)
      : row(`${kind}.${name}`, value[0], value[1])
  );
}
