/** Output goes out whole and in order, in batches, and stops where nobody shows it. */
import assert from "node:assert/strict";
import { OutputBatches } from "./output.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("output: the first bytes go at once, the next ones together", async () => {
  const posted: number[][] = [];
  const output = new OutputBatches((bytes) => posted.push([...bytes]));
  output.take(Uint8Array.of(1));
  assert.deepEqual(posted, [[1]]);
  output.take(Uint8Array.of(2));
  output.take(Uint8Array.of(3, 4));
  assert.equal(posted.length, 1);
  await wait(60);
  assert.deepEqual(posted, [[1], [2, 3, 4]]);
  output.take(Uint8Array.of(5));
  assert.deepEqual(posted[2], [5], "after a silence nothing waits");
});

Deno.test("output: who floods is held back until the terminal has shown what it has", async () => {
  let posted = 0;
  const output = new OutputBatches((bytes) => posted += bytes.length);
  const chunk = new Uint8Array(32 * 1024);
  let taken = 0;
  const flood = (async () => {
    for (; taken < 40; taken++) await output.take(chunk);
  })();
  await wait(60);
  const before = taken;
  assert.ok(before < 10, `${before} chunks were taken, and none was shown`);
  await wait(60);
  assert.equal(taken, before);
  for (let shown = 0, round = 0; round < 60 && shown < 40 * chunk.length; round++) {
    const now = posted;
    output.shown(now - shown);
    shown = now;
    await wait(20);
  }
  await flood;
  await wait(60);
  assert.equal(posted, 40 * chunk.length);
});
