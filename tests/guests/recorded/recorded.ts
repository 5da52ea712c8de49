/**
 * What i386 Linux programs did on a processor that is not ours, for hosts that run no such programs: a digest of
 * what each printed and how it ended, in recorded.json (write.ts made it, and says with what). Hosts that run
 * them compare with their own processor besides, so that a wrong record would show.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

/** Digests by program, by the set of programs. */
export type Recorded = Record<string, Record<string, string>>;

const FILE = new URL("./recorded.json", import.meta.url);

/** @param text what the program printed and its end, a character for each byte */
export function digest(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex").slice(0, 32);
}

const read = (set: string) => (JSON.parse(Deno.readTextFileSync(FILE)) as Recorded)[set];

/** Whether anything was recorded of a program. */
export function isRecorded(set: string, program: string): boolean {
  return program in read(set);
}

/** Fails unless a program did what was recorded of it. */
export function assertAsRecorded(set: string, program: string, text: string): void {
  const recorded = read(set);
  assert.ok(program in recorded, `${program}: not recorded: write.ts says how`);
  assert.equal(
    digest(text),
    recorded[program],
    `${program}: not as recorded:\n${text.slice(-2000)}`,
  );
}

/** Makes the record anew. */
export function writeRecorded(all: Recorded): void {
  Deno.writeTextFileSync(FILE, JSON.stringify(all, null, 2) + "\n");
}
