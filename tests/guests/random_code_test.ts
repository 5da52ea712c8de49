/**
 * Whatever a guest executes: the core comes back at the end of the slice, never traps or throws, and
 * every reference and type count of machine memory is right afterwards.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Order, Report } from "./random_code_worker.ts";

const GUESTS = 150;
/** No guest of a few hundred thousand instructions takes this long: the core hangs. */
const PATIENCE = 30_000;

/** Runs guests in a worker; returns what was wrong, "" if nothing. */
function runGuests(first: number, count: number): Promise<string> {
  const url = new URL("./random_code_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  return new Promise((resolve) => {
    let seed = first;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (problem: string) => {
      clearTimeout(timer);
      worker.terminate();
      resolve(problem);
    };
    const rearm = () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(`seed ${seed}: a slice does not end`), PATIENCE);
    };
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data === "done") return end("");
      seed = data.seed;
      rearm();
      if ("problem" in data) end(`seed ${data.seed}: ${data.problem}`);
    };
    rearm();
    worker.postMessage({ first, count } satisfies Order);
  });
}

Deno.test("random code neither hangs nor traps the core, and leaves every count right", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(0x7fffffff - GUESTS), async (first) => {
      assert.equal(await runGuests(first, GUESTS), "");
    }),
    { numRuns: 1, endOnFailure: true },
  );
});
