/**
 * The host's processor as oracle, without end: batches of cases by seed; what differs is shrunk to the
 * shortest program that still does.
 */
import type { Case } from "../oracle/case.ts";
import { report } from "../oracle/compare.ts";
import { casesOf } from "../oracle/fuzz.ts";
import { endFuzzLong, fuzzLong } from "../oracle/long/fuzz.ts";
import { MAX_CASES } from "../oracle/layout.ts";
import { runsI386 } from "../i386.ts";
import { RUNS_LONG } from "../oracle/long/native.ts";
import { GuestWorld } from "../oracle/run.ts";
import { type Compare, type Findings, runCases } from "../oracle/session.ts";
import { openElsewhere } from "../oracle/processor.ts";
import { shrink } from "../oracle/shrink.ts";
import { vectorDifferences } from "../oracle/vector_compare.ts";
import { x87Case, x87Forms } from "../oracle/x87_cases.ts";
import { compareX87 } from "../oracle/x87_compare.ts";
import { Random } from "../random.ts";
import type { Fuzz } from "./what.ts";

const compareCases = vectorDifferences;

/** Differing forms to shrink in one batch. */
const SHRUNK = 3;

/** A batch's differing cases, the first of each form, and the findings of cases that broke a driver. */
async function batch(
  world: GuestWorld,
  cases: Case[],
  compare: Compare,
): Promise<[Map<string, Case>, Findings]> {
  const failing = new Map<string, Case>();
  const findings = await runCases(world, cases, new Map(), (c, native, ours) => {
    const lines = compare(c, native, ours);
    if (lines.length && !failing.has(c.form)) failing.set(c.form, c);
    return lines;
  });
  return [failing, findings];
}

/** Prints a case at its shortest. */
async function explain(world: GuestWorld, c: Case, compare: Compare, say: Say): Promise<void> {
  const short = await shrink(world, c, compare);
  await runCases(world, [short], new Map(), (at, native, ours) => {
    const lines = compare(at, native, ours);
    say(report(at, lines.length ? lines : ["differs only now and then"]));
    return lines;
  });
}

/** One batch of a seed: how many cases, and how many forms differ. */
type Batch = (world: GuestWorld, seed: number, say: Say) => Promise<[number, number]>;
type Say = (line: string) => void;

/** Takes out what another maker's processor may well answer, and tells of it. */
function tellOpen(findings: Findings, say: Say): string[] {
  const open = openElsewhere(findings);
  for (const form of open) {
    say(`fuzz: as another maker's processor may: ${findings.get(form)![0]}`);
    findings.delete(form);
  }
  return open;
}

function mixed(make: (seed: number) => Case[], compare: Compare): Batch {
  return async (world, seed, say) => {
    const cases = make(seed);
    let [failing, findings] = await batch(world, cases, compare);
    // A switch of processes may show through (an AMD forgets the x87's last address): ask again.
    if (failing.size) [failing, findings] = await batch(world, [...failing.values()], compare);
    for (const form of tellOpen(findings, say)) failing.delete(form);
    if (findings.size) {
      say(`fuzz: seed ${seed}: ${findings.size} forms differ: ${[...findings.keys()].join("; ")}`);
    }
    for (const c of [...failing.values()].slice(0, SHRUNK)) await explain(world, c, compare, say);
    for (const [form, [first]] of findings) if (!failing.has(form)) say(first);
    return [cases.length, findings.size];
  };
}

/** The x87 from random states of its own; these are too short to be shrunk. */
const x87: Batch = async (_world, seed, say) => {
  const r = new Random(seed);
  const forms = x87Forms();
  const cases = Array.from({ length: MAX_CASES }, () => x87Case(r, r.pick(forms)));
  const wrong = await compareX87(cases);
  tellOpen(wrong, say);
  if (wrong.size) say(`fuzz: seed ${seed}: ${wrong.size} x87 forms differ`);
  for (const [text] of [...wrong.values()].slice(0, SHRUNK)) say(text);
  return [cases.length, wrong.size];
};

/** 64-bit code. */
const long: Batch = async (_world, seed, say) => {
  const [cases, reports] = await fuzzLong(seed);
  if (reports.length) say(`fuzz: seed ${seed}: ${reports.length} forms of 64-bit code differ`);
  for (const text of reports.slice(0, SHRUNK)) say(text);
  return [cases, reports.length];
};

const instructions = mixed(casesOf, compareCases);
const BATCHES: Batch[] = [...Array.from({ length: 7 }, () => instructions), x87, long];

export const fuzzCpu: Fuzz = async ({ seconds, seed: first, say }) => {
  const batches = await runsI386() ? BATCHES : RUNS_LONG ? [long] : [];
  if (batches !== BATCHES) {
    const what = batches.length
      ? "64-bit code only is compared"
      : "there is nothing to compare with";
    say(`fuzz: this host runs no i386 programs: ${what}`);
  }
  if (!batches.length) return { cases: 0, failures: 0 };
  const result = { cases: 0, failures: 0 };
  const world = await GuestWorld.create();
  const end = performance.now() + seconds * 1000;
  try {
    for (let seed = first; performance.now() < end; seed = (seed + 1) >>> 0) {
      // which batch it is follows from the seed, so that a seed alone brings a finding back
      const [cases, forms] = await batches[seed % batches.length](world, seed, say);
      result.cases += cases;
      if (forms) result.failures++;
    }
  } finally {
    world.close();
    await endFuzzLong();
  }
  return result;
};
