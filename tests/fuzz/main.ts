/**
 * `deno task fuzz [--what W] [--seconds N] [--seed S] [FILE…]`: looks for failures until the time is up
 * (a minute if not given).
 *
 * - `cpu`: programs generated from the instruction table, on the host's processor and in the interpreter;
 *   a difference is shrunk to the shortest program and names its seed
 * - `decoder`: random encodings against iced-x86, ten million at least
 * - `elf`: damaged image files
 * - `guests`: guests of random code
 * - `pages`: hostile page-table updates
 * - nothing, or FILE…: all property tests (those that use fast-check), or these, with new seeds
 *
 * Exit status 1 if anything was found.
 */
import { parseArgs } from "node:util";
import { fuzzCpu } from "./cpu.ts";
import { fuzzDecoder } from "./decoder.ts";
import { fuzzGuests } from "./guests.ts";
import { fuzzImages } from "./images.ts";
import { fuzzProperties, propertyTests } from "./properties.ts";
import { takeVariances } from "../oracle/variances.ts";
import type { Fuzz } from "./what.ts";

const PROPERTY_FOLDERS = ["core/", "jit/", "guest/", "tests/"];
const all = (folders: string[]) => folders.flatMap((folder) => [...propertyTests(folder)]).sort();

const KINDS: Record<string, () => Fuzz> = {
  cpu: () => fuzzCpu,
  decoder: () => fuzzDecoder,
  elf: () => fuzzImages,
  guests: () => fuzzGuests,
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
const run = what !== undefined
  ? KINDS[what]()
  : fuzzProperties(positionals.length ? positionals : all(PROPERTY_FOLDERS));

const start = performance.now();
const { cases, failures } = await run({ seconds, seed, say: (line) => console.log(line) });
const took = Math.round((performance.now() - start) / 1000);
for (const line of takeVariances()) console.log(`fuzz: ${line}`);
const from = what === undefined || what === "pages" ? "" : ` from seed ${seed}`;
console.log(
  `fuzz: ${cases} cases in ${took} s${from}, ` +
    (failures ? `${failures} with something wrong` : "nothing found"),
);
Deno.exit(failures ? 1 : 0);
