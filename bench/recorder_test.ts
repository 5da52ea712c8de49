/** The recorder keeps the quietest round and the facts of each kernel. */
import assert from "node:assert/strict";
import { Recorder } from "./recorder.ts";

Deno.test("recorder: the quietest round of each kernel counts", () => {
  const recorder = new Recorder();
  recorder.line(10, "READY rounds=2");
  recorder.line(20, "B alu 0");
  recorder.line(520, "E alu 0 n=30 sum=045d383c");
  recorder.line(600, "B alu 1\r");
  recorder.line(900, "E alu 1 n=30 sum=045d383c\r");
  assert.equal(recorder.done, false);
  recorder.line(950, "DONE\r");
  const alu = { seconds: 0.3, rounds: [0.5, 0.3], iterations: 30, sum: "045d383c" };
  assert.deepEqual(recorder.timings.get("alu"), alu);
  assert.deepEqual([recorder.first, recorder.ready, recorder.done], [10, 10, true]);
});

Deno.test("recorder: a kernel that gave up leaves no time behind", () => {
  const recorder = new Recorder();
  recorder.line(0, "B pin 0");
  recorder.line(5, "PANIC pin fffffff2 0");
  assert.equal(recorder.timings.size, 0);
  assert.match(recorder.panic!, /pin/);
});
