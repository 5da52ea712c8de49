/** Our decoder against iced-x86, without end: 16- and 32-bit code by even seeds, 64-bit by odd ones. */
import { Instruction } from "iced-x86";
import { compareDecoders, LONG_MODE, MODES, Tally } from "../decoder/compare.ts";
import { coreForDecoding } from "../decoder/core.ts";
import { ENCODING_BYTES, randomEncoding } from "../decoder/encodings.ts";
import { Random } from "../random.ts";
import type { Fuzz } from "./what.ts";

/** Encodings of a seed. */
const BATCH = 100_000;
/** Encodings that a run is not shorter than, if it finds nothing. */
const LEAST = 10_000_000;

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

export const fuzzDecoder: Fuzz = async ({ seconds, seed: first, say }) => {
  const cores = [await coreForDecoding(), await coreForDecoding(true)];
  const scratch = new Instruction();
  const bytes = new Uint8Array(ENCODING_BYTES);
  const result = { cases: 0, failures: 0 };
  const end = performance.now() + seconds * 1000;
  for (
    let seed = first;
    performance.now() < end || (result.cases < LEAST && !result.failures);
    seed = (seed + 1) >>> 0
  ) {
    const r = new Random(seed);
    const long = seed % 2 === 1;
    const core = cores[seed % 2];
    const found = new Map<string, string>();
    for (let i = 0; i < BATCH; i++) {
      randomEncoding(r, bytes, long);
      const mode = long ? LONG_MODE : r.pick(MODES);
      const d = compareDecoders(core, bytes, mode, scratch, new Tally());
      if (d) found.set(d.split(":")[0], `    ${hex(bytes)} in mode ${mode}: ${d}`);
    }
    result.cases += BATCH;
    if (!found.size) continue;
    result.failures++;
    say(`fuzz: seed ${seed}: ${found.size} kinds of difference`);
    for (const line of found.values()) say(line);
  }
  scratch.free();
  return result;
};
