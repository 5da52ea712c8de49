/**
 * fast-check as all tests have it: `deno.json` leads every import of it here. PARAVANE_SEED chooses what all properties try
 * (CI has one of its own, .ci/run); without it each run tries something new.
 */
import fc from "npm-fast-check";

/** @returns the seed that a value of PARAVANE_SEED names, undefined for none; @throws RangeError if it is no seed */
export function seedOf(value: string | undefined): number | undefined {
  if (!value) return undefined;
  const seed = Number(value);
  if ((seed | 0) === seed || seed >>> 0 === seed) return seed | 0;
  throw new RangeError(`PARAVANE_SEED is ${value}, not a whole number of 32 bits`);
}

/** Fails a test as fast-check does, and says how the failure is brought back. */
function report<T>(run: fc.RunDetails<T>): void {
  if (!run.failed) return;
  const again = `To try the same again: PARAVANE_SEED=${run.seed} deno test -A --no-check FILE`;
  throw new Error(`${fc.defaultReportMessage(run)}\n\n${again}`, { cause: run.errorInstance });
}

fc.configureGlobal({ reporter: report, seed: seedOf(Deno.env.get("PARAVANE_SEED")) });

export * from "npm-fast-check";
export default fc;
