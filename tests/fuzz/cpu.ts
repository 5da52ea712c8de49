/**
 * The host's processor as oracle, without end: batches of cases by seed; what differs is shrunk to the
 * shortest program that still does.
 */
import type { Case } from "../oracle/case.ts";
import { differences, report } from "../oracle/compare.ts";
import { casesOf } from "../oracle/fuzz.ts";
import { canRunNatively, GuestWorld } from "../oracle/run.ts";
import { type Findings, runCases } from "../oracle/session.ts";
import { shrink } from "../oracle/shrink.ts";
import type { Fuzz } from "./what.ts";

/** Differing forms to shrink in one batch. */
const SHRUNK = 3;

/** A batch's differing cases, the first of each form, and the findings of cases that broke a driver. */
async function batch(world: GuestWorld, cases: Case[]): Promise<[Map<string, Case>, Findings]> {
  const failing = new Map<string, Case>();
  const findings = await runCases(world, cases, new Map(), (c, native, ours) => {
    const lines = differences(c, native, ours);
    if (lines.length && !failing.has(c.form)) failing.set(c.form, c);
    return lines;
  });
  return [failing, findings];
}

/** Prints a case at its shortest. */
async function explain(world: GuestWorld, c: Case, say: (line: string) => void): Promise<void> {
  const short = await shrink(world, c);
  await runCases(world, [short], new Map(), (at, native, ours) => {
    const lines = differences(at, native, ours);
    say(report(at, lines.length ? lines : ["differs only now and then"]));
    return lines;
  });
}

export const fuzzCpu: Fuzz = async ({ seconds, seed: first, say }) => {
  if (!await canRunNatively()) {
    say("fuzz: this host runs no i386 programs: there is nothing to compare with");
    return { cases: 0, failures: 0 };
  }
  const result = { cases: 0, failures: 0 };
  const world = await GuestWorld.create();
  const end = performance.now() + seconds * 1000;
  try {
    for (let seed = first; performance.now() < end; seed = (seed + 1) >>> 0) {
      const cases = casesOf(seed);
      const [failing, findings] = await batch(world, cases);
      result.cases += cases.length;
      if (!findings.size) continue;
      result.failures++;
      say(`fuzz: seed ${seed}: ${findings.size} forms differ: ${[...findings.keys()].join("; ")}`);
      for (const c of [...failing.values()].slice(0, SHRUNK)) await explain(world, c, say);
      for (const [form, [first]] of findings) if (!failing.has(form)) say(first);
    }
  } finally {
    world.close();
  }
  return result;
};
