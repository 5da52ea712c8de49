/** Flags that the manual leaves undefined: where we say that we follow the processor, we do. */
import assert from "node:assert/strict";
import { FOLLOWED } from "../../jit/isa/undefined.ts";
import { FLAG_LETTERS } from "../../jit/isa/rows.ts";
import { Random } from "../random.ts";
import { allForms } from "./forms.ts";
import { eflagsMask, generateCase } from "./generate.ts";
import { canRunNatively, GuestWorld } from "./run.ts";
import { runCases } from "./session.ts";

const CASES_PER_FORM = 60;
const SEED = 20260722;

/** The rules were found on AMD's processors; others have their own. */
async function onAmd(): Promise<boolean> {
  if (!await canRunNatively()) return false;
  return /AuthenticAMD/.test(await Deno.readTextFile("/proc/cpuinfo").catch(() => ""));
}

function mask(letters: string): number {
  return eflagsMask([...letters].reduce((m, c) => m | 1 << FLAG_LETTERS.indexOf(c), 0));
}

Deno.test({
  name: "undefined flags that we follow are the host's",
  ignore: !await onAmd(),
  async fn() {
    const r = new Random(SEED);
    const forms = allForms().forms.filter((f) => f.row.name in FOLLOWED);
    const cases = forms.flatMap((f) =>
      Array.from({ length: CASES_PER_FORM }, () => {
        const c = generateCase(r, f);
        return { ...c, undefinedFlags: c.undefinedFlags & ~mask(FOLLOWED[f.row.name]) };
      })
    );
    const world = await GuestWorld.create();
    try {
      const found = await runCases(world, cases);
      const reports = [...found.values()].map((all) => `${all.length} x ${all[0]}`);
      assert.equal(found.size, 0, reports.slice(0, 6).join("\n"));
    } finally {
      world.close();
    }
    console.log(`oracle: ${cases.length} cases agree in ${forms.length} forms' undefined flags`);
  },
});
