/**
 * Our decoder against iced-x86: same length and operands where we implement an instruction, and #UD
 * only for what stands in refused.ts.
 */
import assert from "node:assert/strict";
import { Instruction } from "iced-x86";
import { compareDecoders, LONG_MODE, MODES, Tally } from "./compare.ts";
import { coreForDecoding } from "./core.ts";
import { ENCODING_BYTES, everyOpcode, randomEncoding } from "./encodings.ts";
import { Random } from "../random.ts";

const COUNT = 200_000;
const SEED = 20260721;

/** Differences to report before giving up. */
const ENOUGH = 20;

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

/** Compares over encodings and says what came of it. */
async function compareAll(
  name: string,
  encodings: Iterable<Uint8Array>,
  r: Random,
  modes = MODES,
): Promise<void> {
  const core = await coreForDecoding(modes.includes(LONG_MODE));
  const scratch = new Instruction();
  const tally = new Tally();
  const differences = new Map<string, string>();
  let count = 0;
  for (const bytes of encodings) {
    const mode = r.pick(modes);
    const d = compareDecoders(core, bytes, mode, scratch, tally);
    if (d) {
      differences.set(d.split(":")[0], `encoding ${count}, mode ${mode}: ${hex(bytes)}\n    ${d}`);
    }
    count++;
    if (differences.size >= ENOUGH) break;
  }
  scratch.free();
  assert.equal(differences.size, 0, `seed ${SEED}\n` + [...differences.values()].join("\n"));
  const refused = [...tally.refused.values()].reduce((a, b) => a + b, 0);
  console.log(
    `decoder: ${count} ${name} encodings, ${tally.agreed} agree, ${tally.undefined} undefined in ` +
      `both, ${refused} refused by ${tally.refused.size} listed classes`,
  );
}

function* randomEncodings(r: Random, long: boolean): Generator<Uint8Array> {
  const bytes = new Uint8Array(ENCODING_BYTES);
  for (let i = 0; i < COUNT; i++) {
    randomEncoding(r, bytes, long);
    yield bytes;
  }
}

Deno.test(`decoder agrees with iced-x86 over ${COUNT} random encodings`, async () => {
  const r = new Random(SEED);
  await compareAll("random", randomEncodings(r, false), r);
});

Deno.test("decoder agrees with iced-x86 about every opcode with every prefix", async () => {
  const r = new Random(SEED);
  await compareAll("structured", everyOpcode(r), r);
});

Deno.test(`decoder agrees with iced-x86 over ${COUNT} random encodings of 64-bit code`, async () => {
  const r = new Random(SEED);
  await compareAll("random 64-bit", randomEncodings(r, true), r, [LONG_MODE]);
});

Deno.test("decoder agrees with iced-x86 about every opcode with every prefix in 64-bit code", async () => {
  const r = new Random(SEED);
  await compareAll("structured 64-bit", everyOpcode(r, true), r, [LONG_MODE]);
});
