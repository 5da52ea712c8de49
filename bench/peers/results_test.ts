/** What runs say when they are folded together. */
import assert from "node:assert/strict";
import type { Run } from "./engine.ts";
import { disagreements, meanRatio, timesOf } from "./results.ts";
import { bars, table } from "./table.ts";

function run(kernels: Record<string, number[]>, sum = "1", residentMib: number | null = null): Run {
  const timings = Object.entries(kernels).map(([name, rounds]) =>
    [name, { seconds: Math.min(...rounds), rounds, iterations: 1, sum }] as const
  );
  return { timings: new Map(timings), residentMib };
}

Deno.test("peers: the first round is cold, the least of the others warm, over all runs", () => {
  const times = timesOf([
    run({ alu: [5, 3, 2], fib: [4] }, "1", 90),
    run({ alu: [6, 2.5, 1.5] }, "1", 80),
  ]);
  assert.deepEqual(times.cold, { alu: 5, fib: 4 });
  assert.deepEqual(times.warm, { alu: 1.5 });
  assert.equal(times.residentMib, 80);
});

Deno.test("peers: a mean is over the kernels both ran, without movsd", () => {
  const mean = meanRatio({ alu: 2, fib: 8, movsd: 1000, chase: 7 }, { alu: 1, fib: 1, movsd: 1 });
  assert.equal(mean, 4);
  assert.equal(meanRatio({ alu: 1 }, { fib: 1 }), null);
});

Deno.test("peers: a checksum that differs is named", () => {
  const one = timesOf([run({ alu: [1], fib: [1] }, "aa")]);
  const other = timesOf([run({ alu: [1] }, "bb")]);
  const [line, ...rest] = disagreements(new Map([["native", one], ["v86", other]]));
  assert.match(line, /alu: native aa, v86 bb/);
  assert.deepEqual(rest, []);
});

Deno.test("peers: table and bars show times native, and what did not run as a dash", () => {
  const all = new Map([
    ["native", timesOf([run({ alu: [1, 1], fib: [1, 1] })])],
    ["Paravane", timesOf([run({ alu: [9, 3], fib: [9, 3] })])],
    ["v86", timesOf([run({ alu: [8, 6] })])],
  ]);
  const text = table(all);
  assert.match(text, /^alu .*3\.0000 \(3\.00\).*6\.0000 \(6\.00\)/m);
  assert.match(text, /^fib .* -$/m);
  assert.match(text, /^geometric mean ÷ v86 .*0\.50 .*1\.00$/m);
  const [list, engines] = bars(all);
  assert.deepEqual(engines, ["Paravane", "v86"]);
  assert.deepEqual(list.find((b) => b.kernel === "mean" && b.engine === "v86")?.ratio, 6);
});
