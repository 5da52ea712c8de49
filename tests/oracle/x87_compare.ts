/** Runs x87 cases on the host's processor and in a guest of ours, and compares. */
import { runNatively } from "../float/native.ts";
import { type Case, describe, SLOT, x87Code, x87Differences } from "./x87_cases.ts";
import { runAsGuest } from "./x87_run.ts";
import type { Findings } from "./session.ts";

/** Cases that fit a small guest's memory at once. */
const BATCH = 30_000;

/** What differs, by form. */
export async function compareX87(cases: readonly Case[]): Promise<Findings> {
  const wrong: Findings = new Map();
  for (let at = 0; at < cases.length; at += BATCH) {
    await compareBatch(cases.slice(at, at + BATCH), wrong);
  }
  return wrong;
}

async function compareBatch(cases: Case[], wrong: Findings): Promise<void> {
  const code = Uint8Array.from(cases.flatMap(x87Code));
  const data = new Uint8Array(cases.length * SLOT);
  cases.forEach((c, n) => data.set(c.slot, n * SLOT));
  const native = await runNatively(code, data);
  const ours = await runAsGuest(code, data);
  cases.forEach((c, n) => {
    const part = (all: Uint8Array) => all.slice(n * SLOT, (n + 1) * SLOT);
    const lines = x87Differences(c, part(ours), part(native));
    if (!lines.length) return;
    const text = [describe(c), ...lines].join("\n  ");
    wrong.set(c.form.name, [...(wrong.get(c.form.name) ?? []), text]);
  });
}
