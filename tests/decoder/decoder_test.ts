/**
 * Our decoder against iced-x86: same length and operands where we implement an instruction, and #UD
 * only for what stands in refused.ts.
 */
import assert from "node:assert/strict";
import { Instruction } from "iced-x86";
import { compareDecoders, MODES, Tally } from "./compare.ts";
import { coreForDecoding } from "./core.ts";
import { ENCODING_BYTES, randomEncoding } from "./encodings.ts";
import { Random } from "../random.ts";

const COUNT = 200_000;
const SEED = 20260721;

/** Differences to report before giving up. */
const ENOUGH = 20;

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

Deno.test(`decoder agrees with iced-x86 over ${COUNT} random encodings`, async () => {
  const core = await coreForDecoding();
  const r = new Random(SEED);
  const bytes = new Uint8Array(ENCODING_BYTES);
  const scratch = new Instruction();
  const tally = new Tally();
  const differences = new Map<string, string>();
  for (let i = 0; i < COUNT && differences.size < ENOUGH; i++) {
    randomEncoding(r, bytes);
    const mode = r.pick(MODES);
    const d = compareDecoders(core, bytes, mode, scratch, tally);
    if (d) differences.set(d.split(":")[0], `encoding ${i}, mode ${mode}: ${hex(bytes)}\n    ${d}`);
  }
  scratch.free();
  assert.equal(differences.size, 0, `seed ${SEED}\n` + [...differences.values()].join("\n"));
  const refused = [...tally.refused.values()].reduce((a, b) => a + b, 0);
  console.log(
    `decoder: ${COUNT} encodings, ${tally.agreed} agree, ${tally.undefined} undefined in both, ` +
      `${refused} refused by ${tally.refused.size} listed classes`,
  );
});
