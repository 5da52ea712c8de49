/** The oracle without end: new cases from new seeds until the time is up. */
import { Instruction } from "iced-x86";
import { compareDecoders, MODES, Tally } from "../decoder/compare.ts";
import { coreForDecoding } from "../decoder/core.ts";
import { ENCODING_BYTES, randomEncoding } from "../decoder/encodings.ts";
import { Random } from "../random.ts";
import type { Case } from "./case.ts";
import type { Mode } from "./builder.ts";
import { allForms, type Form } from "./forms.ts";
import { generateCase, runsIn } from "./generate.ts";
import { MAX_CASES } from "./layout.ts";
import { canRunNatively, GuestWorld } from "./run.ts";
import { fpuForms, pairGenerators, plainForms, randomSequence } from "./sequences.ts";
import { runCases } from "./session.ts";
import { vectorCase, vectorForms, vectorSequence } from "./vector_cases.ts";
import { vectorDifferences } from "./vector_compare.ts";

/** Encodings to decode for each batch of cases. */
const ENCODINGS = 10_000;

/** What a run of the fuzzer did. */
export interface FuzzResult {
  cases: number;
  encodings: number;
  /** Batches with a difference. */
  failures: number;
}

function anyMode(r: Random, form: Form): Case {
  const mode: Mode = r.pick(["plain", "plain", "code16", "stack16"]);
  return generateCase(r, form, runsIn(form, mode) ? mode : "plain");
}

/** The cases of one seed: single instructions, pairs and sequences, mixed. */
export function casesOf(seed: number): Case[] {
  const r = new Random(seed);
  const { forms } = allForms();
  const plain = plainForms(forms);
  const fpu = fpuForms(forms);
  const pairs = pairGenerators(forms);
  const vectors = vectorForms();
  return Array.from({ length: MAX_CASES }, () => {
    if (r.oneIn(3)) {
      return r.oneIn(3) ? vectorSequence(r, vectors) : vectorCase(r, r.pick(vectors));
    }
    const n = r.below(10);
    return n < 6
      ? anyMode(r, r.pick(forms))
      : n < 8
      ? r.pick(pairs)(r)
      : randomSequence(r, n < 9 ? plain : fpu);
  });
}

/**
 * Fuzzes the decoder against iced-x86 and the interpreter against the host's processor.
 *
 * @param seconds how long
 * @param first the first seed; each batch takes the next one, and a difference names its own
 * @param say takes each line of the report
 */
export async function fuzzCpu(
  seconds: number,
  first = Date.now() >>> 0,
  say: (line: string) => void = console.log,
): Promise<FuzzResult> {
  const result = { cases: 0, encodings: 0, failures: 0 };
  const native = await canRunNatively();
  if (!native) say("fuzz: this host runs no i386 programs: only the decoder is compared");
  const core = await coreForDecoding();
  const world = await GuestWorld.create();
  const scratch = new Instruction();
  const bytes = new Uint8Array(ENCODING_BYTES);
  const end = performance.now() + seconds * 1000;
  try {
    for (let seed = first; performance.now() < end; seed = (seed + 1) >>> 0) {
      const found: string[] = [];
      const r = new Random(seed);
      for (let i = 0; i < ENCODINGS; i++) {
        randomEncoding(r, bytes);
        const d = compareDecoders(core, bytes, r.pick(MODES), scratch, new Tally());
        if (d) found.push(`${[...bytes].map((b) => b.toString(16)).join(" ")}: ${d}`);
      }
      result.encodings += ENCODINGS;
      if (native) {
        const cases = casesOf(seed);
        for (
          const reports of (await runCases(world, cases, new Map(), vectorDifferences)).values()
        ) found.push(...reports);
        result.cases += cases.length;
      }
      if (!found.length) continue;
      result.failures++;
      say(`fuzz: seed ${seed}: ${found.length} differences`);
      for (const f of found.slice(0, 3)) say(f);
    }
  } finally {
    world.close();
    scratch.free();
  }
  return result;
}
