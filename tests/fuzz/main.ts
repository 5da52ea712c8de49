/**
 * `deno task fuzz [--what W] [--seconds N] [--seed S] [FILE…]`: looks for failures until the time is up
 * (a minute if not given).
 *
 * - `cpu`: programs generated from the instruction table, on the host's processor and in the interpreter;
 *   a difference is shrunk to the shortest program and names its seed
 * - `decoder`: random encodings against iced-x86, ten million at least
 * - `elf`: damaged image files
 * - `guests`: guests of random code
 * - `hypercalls`: several domains whose own code calls anything with anything
 * - `model`: the models of page_info and event channels in step with the core, by steps
 * - `pages`: hostile page-table updates
 * - `translator`: guests of random code, interpreted and translated, in lockstep
 * - `properties`, or FILE…: all property tests (those that use fast-check), or these, with new seeds
 * - nothing: all of these in turn, each for its share of the time
 *
 * Exit status 1 if anything was found.
 */
import { parseArgs } from "node:util";
import { fuzzCpu } from "./cpu.ts";
import { fuzzDecoder } from "./decoder.ts";
import { fuzzGuests } from "./guests.ts";
import { fuzzHypercalls } from "./hypercalls.ts";
import { fuzzImages } from "./images.ts";
import { fuzzModel } from "./model.ts";
import { fuzzProperties, propertyTests } from "./properties.ts";
import { fuzzTranslator } from "./translator.ts";
import { takeVariances } from "../oracle/variances.ts";
import type { Fuzz } from "./what.ts";

const PROPERTY_FOLDERS = ["core/", "jit/", "guest/", "tests/"];
const all = (folders: string[]) => folders.flatMap((folder) => [...propertyTests(folder)]).sort();

/** The last two of those that take turns have a least length, and would take it from who comes after. */
const KINDS: Record<string, () => Fuzz> = {
  cpu: () => fuzzCpu,
  elf: () => fuzzImages,
  guests: () => fuzzGuests,
  hypercalls: () => fuzzHypercalls,
  model: () => fuzzModel,
  translator: () => fuzzTranslator,
  properties: () => fuzzProperties(all(PROPERTY_FOLDERS)),
  decoder: () => fuzzDecoder,
  pages: () => fuzzProperties(all(["tests/pagetables/"])),
};

function usage(message: string): never {
  console.error(`fuzz: ${message}`);
  Deno.exit(2);
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    what: { type: "string" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) usage("--seconds takes a positive number");
const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed) >>> 0;
const { what } = values;
if (what !== undefined && !(what in KINDS)) {
  usage(`--what takes one of ${Object.keys(KINDS).join(" ")}`);
}

/** One kind, or these files, for so long. @returns failures */
async function fuzz(kind: string, run: Fuzz, seconds: number): Promise<number> {
  const start = performance.now();
  const { cases, failures } = await run({ seconds, seed, say: (line) => console.log(line) });
  const took = Math.round((performance.now() - start) / 1000);
  for (const line of takeVariances()) console.log(`fuzz: ${line}`);
  const found = failures ? `${failures} with something wrong` : "nothing found";
  console.log(`fuzz: ${kind}: ${cases} cases in ${took} s from seed ${seed}, ${found}`);
  return failures;
}

/** All kinds in turn. What one takes longer, or leaves, is shared by the rest. */
async function fuzzAll(seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let failures = 0;
  // the page tables' properties are among the properties
  const kinds = Object.keys(KINDS).filter((kind) => kind !== "pages");
  for (const [n, kind] of kinds.entries()) {
    const left = Math.max(1, (end - performance.now()) / 1000);
    failures += await fuzz(kind, KINDS[kind](), left / (kinds.length - n));
  }
  return failures;
}

const failures = positionals.length
  ? await fuzz("properties", fuzzProperties(positionals), seconds)
  : what !== undefined
  ? await fuzz(what, KINDS[what](), seconds)
  : await fuzzAll(seconds);
Deno.exit(failures ? 1 : 0);
