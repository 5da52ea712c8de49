/** The x87 against the host's: each instruction form from random states, corners favoured. */
import assert from "node:assert/strict";
import { canRunNatively, runNatively } from "../float/native.ts";
import { Random } from "../float/values.ts";
import { X87_CASES } from "./counts.ts";
import {
  type Case,
  describe,
  SLOT,
  x87Case,
  x87Code,
  x87Differences,
  x87Forms,
} from "./x87_cases.ts";
import { runAsGuest } from "./x87_run.ts";

const CASES = Number(Deno.env.get("CASES") ?? X87_CASES);
const SEED = Number(Deno.env.get("SEED") ?? 20260723);
const ONLY = new RegExp(Deno.env.get("ONLY") ?? "");

Deno.test("the x87 does what the host's processor does", async () => {
  if (!await canRunNatively()) {
    console.log("oracle: this host runs no i386 programs: the x87 is not compared");
    return;
  }
  const r = new Random(SEED);
  const forms = x87Forms().filter((f) => ONLY.test(f.name));
  const cases: Case[] = forms.flatMap((form) =>
    Array.from({ length: CASES }, () => x87Case(r, form))
  );
  const code = Uint8Array.from(cases.flatMap(x87Code));
  const data = new Uint8Array(cases.length * SLOT);
  cases.forEach((c, n) => data.set(c.slot, n * SLOT));
  const native = await runNatively(code, data);
  const ours = await runAsGuest(code, data);
  const wrong = new Map<string, [number, string]>();
  cases.forEach((c, n) => {
    const part = (all: Uint8Array) => all.slice(n * SLOT, (n + 1) * SLOT);
    const lines = x87Differences(c, part(ours), part(native));
    if (!lines.length) return;
    if (Deno.env.get("ALL")) console.log(describe(c) + "\n  " + lines.join("\n  "));
    const [count] = wrong.get(c.form.name) ?? [0];
    wrong.set(c.form.name, [count + 1, describe(c) + "\n  " + lines.join("\n  ")]);
  });
  const reports = [...wrong.values()].map(([count, text]) => `${count} x ${text}`);
  assert.equal(wrong.size, 0, `${wrong.size} forms differ, seed ${SEED}\n${reports.join("\n")}`);
});
