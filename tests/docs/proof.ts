/** What docs/instructions.md tells of the tests: counted and measured here. */
import { TABLE } from "../../jit/isa/table.ts";
import type { Proof } from "../../jit/isa/document.ts";
import {
  CASES_PER_FORM,
  casesByRow,
  CODE16_VECTORS,
  LONG_CASES,
  STEPPED_CASES,
  STEPPED_VECTORS,
  VECTOR_CASES,
  X87_CASES,
} from "../oracle/counts.ts";
import { longForms } from "../oracle/long/forms.ts";
import { allForms } from "../oracle/forms.ts";
import { exactness } from "../oracle/recording/exactness.ts";
import { makers, Recording } from "../oracle/recording/file.ts";
import { FOLLOWED_MAKER } from "../oracle/processor.ts";
import { GuestWorld } from "../oracle/run.ts";
import { REASONS } from "../oracle/variances.ts";

/** The instructions among forms' names, each once. */
function instructions(names: string[]): string[] {
  const known = new Set(TABLE.map((row) => row.name));
  return [...new Set(names.flatMap((n) => n.split(" ").filter((word) => known.has(word))))];
}

export async function proof(): Promise<Proof> {
  const world = await GuestWorld.create();
  const inLongCode = [...longForms().excluded].map(([why, names]): [string, string[]] => [
    `in 64-bit code: ${why}`,
    names,
  ]);
  try {
    return {
      casesOf: casesByRow(),
      perForm: [
        ["32-bit code", CASES_PER_FORM.plain],
        ["16-bit code", CASES_PER_FORM.code16],
        ["32-bit code with a 16-bit stack", CASES_PER_FORM.stack16],
        ["32-bit code under TF, ended by one of the traps", STEPPED_CASES.plain],
        ["16-bit code under TF", STEPPED_CASES.code16],
        ["64-bit code", LONG_CASES],
        ["MMX and SSE, 32-bit code", VECTOR_CASES],
        ["MMX and SSE, 16-bit code", CODE16_VECTORS],
        ["MMX and SSE, under TF", STEPPED_VECTORS],
        ["x87 from random states, 32-bit code", X87_CASES],
      ],
      recordings: makers().map((maker) => {
        const { processor, forms } = Recording.of(maker).header;
        return [`${maker}: ${processor}`, forms.reduce((n, [, count]) => n + count, 0)];
      }),
      approximate: await exactness(world, FOLLOWED_MAKER),
      variances: REASONS,
      // what has tests of its own is told of by its cases
      leftOut: [...allForms().excluded, ...inLongCode]
        .filter(([why]) => !/of their own|bound their/.test(why))
        .map(([why, names]) => [why, instructions(names)]),
    };
  } finally {
    world.close();
  }
}
