/** The register of meanings: instruction name → what it does. */
import type { Context } from "./context.ts";

/** What an instruction does. */
export type Meaning = (x: Context) => void;

const meanings = new Map<string, Meaning>();

/** Gives the instruction `name` of the table its one meaning. */
export function define(name: string, meaning: Meaning): void {
  if (meanings.has(name)) throw new Error(`${name} is defined twice`);
  meanings.set(name, meaning);
}

/** The meaning of `name`. @throws Error if it has none */
export function meaningOf(name: string): Meaning {
  const m = meanings.get(name);
  if (!m) throw new Error(`no meaning for ${name}`);
  return m;
}
