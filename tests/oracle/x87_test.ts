/** The x87 against the host's: each instruction form from random states, corners favoured. */
import { runsI386 } from "../i386.ts";
import { Random } from "../random.ts";
import { X87_CASES } from "./counts.ts";
import { assertNothing } from "./processor.ts";
import { x87Case, x87Forms } from "./x87_cases.ts";
import { compareX87 } from "./x87_compare.ts";

const CASES = Number(Deno.env.get("CASES") ?? X87_CASES);
const SEED = Number(Deno.env.get("SEED") ?? 20260723);
const ONLY = new RegExp(Deno.env.get("ONLY") ?? "");

const ignore = !await runsI386();
Deno.test("the x87 does what the host's processor does", { ignore }, async () => {
  const r = new Random(SEED);
  const forms = x87Forms().filter((f) => ONLY.test(f.name));
  const cases = forms.flatMap((form) => Array.from({ length: CASES }, () => x87Case(r, form)));
  assertNothing(await compareX87(cases), SEED);
});
