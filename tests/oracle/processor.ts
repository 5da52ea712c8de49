/** Who made the host's processor: undefined results are compared only among processors of one maker. */

import assert from "node:assert/strict";
import { NOTES } from "../../jit/isa/notes.ts";
import type { Findings } from "./session.ts";

/** Reports to print before giving up. */
const ENOUGH = 12;

/** Whose processors `jit/isa` follows where the manual leaves a result open. */
export const FOLLOWED_MAKER = "AuthenticAMD";

/** The processor that native cases run on, from /proc/cpuinfo. */
export interface Processor {
  /** CPUID's vendor string; "" if unknown. */
  maker: string;
  /** What a person would want to know of it. */
  name: string;
}

let cached: Processor | undefined;

export function hostProcessor(): Processor {
  return cached ??= readProcessor();
}

function readProcessor(): Processor {
  let text = "";
  try {
    text = Deno.readTextFileSync("/proc/cpuinfo");
  } catch { // no Linux
  }
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "";
  const [family, model, stepping] = ["cpu family", "model", "stepping"].map(field);
  return {
    maker: field("vendor_id"),
    name: `${
      field("model name")
    }, family ${family} model ${model} stepping ${stepping}, microcode ${field("microcode")}`,
  };
}

/**
 * Findings that another maker's processor may well give: instructions of which `jit/isa/notes.ts` says that
 * makers differ, and that we do as FOLLOWED_MAKER's. On a host of that maker there are none.
 */
export function openElsewhere(findings: Findings, maker = hostProcessor().maker): string[] {
  if (maker === FOLLOWED_MAKER) return [];
  const open = NOTES.filter((n) => n.makersDiffer).map((n) => n.about);
  return [...findings.keys()].filter((form) =>
    form.split(/[ (]/).some((word) => open.some((about) => about.test(word)))
  );
}

/**
 * Fails if there are findings, but for those of another maker's processor that are to be expected there:
 * they are told and no more.
 */
export function assertNothing(findings: Findings, seed: number): void {
  const open = openElsewhere(findings);
  for (const form of open) {
    console.log(`oracle: ${hostProcessor().maker} does otherwise: ${findings.get(form)![0]}`);
  }
  const wrong = [...findings].filter(([form]) => !open.includes(form)).map(([, all]) => all);
  const reports = wrong.slice(0, ENOUGH).map((all) => `${all.length} x ${all[0]}`);
  assert.equal(wrong.length, 0, `seed ${seed}\n` + reports.join("\n"));
}
