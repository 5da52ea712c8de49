/**
 * Interpreter against translator: the same guest of random code, in virtual time, once interpreted and
 * once with every block translated that a slice ends at, and optimised where another ends in its region. After each slice the
 * processor's state, and in the end all memory, must be the same.
 */
import assert from "node:assert/strict";
import binaryen from "binaryen";
import {
  C_FAULT,
  C_FX,
  C_INSN_EIP,
  C_SHADOW,
  C_SPLIT_ADDRESS,
  CPU,
  MACHINE,
} from "../../core/wasm/layout.ts";
import { DirectBuilder } from "../../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../../jit/translator/mod.ts";
import { randomGuest, randomNumbers } from "../guests/random_code.ts";
import { createMachine, type Machine } from "../../mod.ts";

const SLICES = 60;
/** In a slice, on average. */
const INSTRUCTIONS = 700;
const MEMORY = 4;

/** What a guest can see of the processor: registers to the pending fault, and the FPU's state. */
function state(machine: Machine): string {
  const bytes = machine.core.bytes();
  const part = (from: number, to: number) => bytes.slice(CPU + from, CPU + to).toString();
  // between them lie the TLB tag, the mode's cache and the scratch bytes of split writes; and where the
  // last instruction was that might have faulted or was decoded, which nobody looks at later
  return [
    part(0, C_INSN_EIP),
    part(C_INSN_EIP + 8, 0x168),
    part(C_FAULT, C_FAULT + 4),
    part(C_FX, C_FX + 416),
  ].join();
}

/** What a guest is run with. */
export interface Tiers {
  /** So little room for translations that they go again and again. */
  evict?: boolean;
  /** The second tier as well. */
  optimise?: boolean;
}

/** Runs a guest slice by slice, interpreted if no tiers are given. */
export async function run(
  image: Uint8Array,
  tiers: Tiers | null,
): Promise<{ states: string[]; memory: Uint8Array; translations: number; optimised: number }> {
  const machine = await createMachine({ time: "virtual", jit: false });
  const domain = await machine.addDomain(image, { memory: MEMORY });
  const translator = new Translator(machine.core.exports as unknown as TranslatorCore, {
    hot: 1,
    exits: 1,
    alike: 1,
    builder: new DirectBuilder(),
    memory: tiers?.evict ? 20_000 : undefined,
    second: tiers?.optimise ? { builder: new DirectBuilder(false, binaryen), many: 1 } : undefined,
    tell: (line) => optimised += Number(line.startsWith("optimised")),
  });
  const states: string[] = [];
  // slices of any length, the same ones each time
  const length = randomNumbers(image.reduce((sum, b) => sum + b, 0));
  let time = 0n;
  let [translations, optimised] = [0, 0];
  for (let i = 0; i < SLICES; i++) {
    const instructions = 1 + length(2 * INSTRUCTIONS);
    machine.core.exports.machine_run(time, instructions);
    time += BigInt(instructions);
    states.push(state(machine));
    if (!tiers) continue;
    translator.sample();
    translations = Math.max(translations, translator.count);
  }
  const memory = machine.core.bytes().slice(MACHINE, MACHINE + (MEMORY + 4) * 0x100000);
  machine.destroyDomain(domain);
  machine.stop();
  return { states, memory, translations, optimised };
}

/**
 * Runs a guest both ways.
 *
 * @returns how many ways into translations there were at most, and regions that were optimised
 * @throws AssertionError where the two differ
 */
export async function compare(
  image: Uint8Array,
  tiers: Tiers = {},
): Promise<{ translations: number; optimised: number }> {
  const plain = await run(image, null);
  const translated = await run(image, tiers);
  const first = plain.states.findIndex((s, i) => s !== translated.states[i]);
  assert.equal(first, -1, `states differ after slice ${first}`);
  assert.deepEqual(translated.memory, plain.memory, "memory differs");
  return translated;
}

assert.ok(C_SHADOW > C_SPLIT_ADDRESS); // the layout that state() relies on

export { randomGuest };
export { loopGuest } from "./loops.ts";
export { walkingGuest } from "./walks.ts";
export { pagesGuest } from "./pages.ts";
export { kernelsGuest } from "./kernels.ts";
