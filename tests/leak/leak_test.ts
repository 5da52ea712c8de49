/**
 * Nothing is left of machines and domains that are gone: resident memory stays what it was after the first fifty. Each kind
 * has a process of its own, so that nothing else is counted.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { run } from "../library/process.ts";

/**
 * MiB by which resident memory may grow over the other nine tenths of the cycles: V8 itself takes some 12 more in that
 * time, for code and for pages of its heap. A domain that is not destroyed takes 0.7 each, a message channel 9 KiB, so
 * that both would take ten times as much.
 */
const GROWTH = 24;

const CYCLES = fileURLToPath(new URL("cycles.ts", import.meta.url));

/** Resident memory by cycles. */
async function resident(what: string, cycles: number): Promise<[number, number][]> {
  const { code, stdout, stderr } = await run(Deno.execPath(), [
    ...["run", "-A", "--quiet", "--no-check", "--v8-flags=--expose-gc"],
    ...[CYCLES, what, String(cycles), String(cycles / 10)],
  ]);
  assert.equal(code, 0, stderr);
  return stdout.trim().split("\n").map((line) => {
    const said = JSON.parse(line);
    return [said.cycles, said.resident];
  });
}

for (
  const [what, cycles] of [["machines", 500], ["domains", 500], ["turns", 20_000]] as const
) {
  Deno.test(`${cycles} ${what}, one after the other, leave no memory behind`, async () => {
    const seen = await resident(what, cycles);
    assert.deepEqual(seen.map(([n]) => n * 10 / cycles), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const [[, first], , , , , , , , , [, last]] = seen;
    assert.ok(last - first < GROWTH, `MiB resident: ${seen.map(([, mib]) => mib.toFixed(1))}`);
  });
}
