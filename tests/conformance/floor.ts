/** The committed floor: how many lines of each subject agreed once, and may never disagree again. */
import type { SubjectResult } from "./compare.ts";

const FLOOR = new URL("floor.json", import.meta.url);

/** Subjects that must agree entirely. */
export const COMPLETE = ["ver", "hc", "multi"];

/** Agreeing lines by subject. */
export type Floor = Record<string, number>;

/** Reads the committed floor. */
export function readFloor(): Floor {
  return JSON.parse(Deno.readTextFileSync(FLOOR));
}

/** Raises the floor to what these results reach; it lowers no number. */
export function raiseFloor(results: SubjectResult[]): void {
  const floor = readFloor();
  for (const { subject, agree } of results) floor[subject] = Math.max(floor[subject] ?? 0, agree);
  Deno.writeTextFileSync(FLOOR, JSON.stringify(floor, null, 2) + "\n");
}

/** One line for each subject below its floor, or that has to be complete and is not. */
export function fallen(results: SubjectResult[], floor: Floor): string[] {
  const complaints: string[] = [];
  for (const { subject, agree, lines } of results) {
    if (agree < (floor[subject] ?? 0)) {
      complaints.push(`${subject}: ${agree} lines agree, ${floor[subject]} did before`);
    } else if (COMPLETE.includes(subject) && agree < lines) {
      complaints.push(`${subject}: ${lines - agree} lines differ, none may`);
    }
  }
  return complaints;
}
