import assert from "node:assert/strict";
import { Finds, type Holder } from "../../jit/translator/finds.ts";

const blocks = (...records: number[]) => records.map((record) => ({ record }));
const region = (): Holder => ({ blocks: [] });

/** How often a block has to be found until it is worth a region; 0: it never is, however often. */
function until(finds: Finds<Holder>, record: number): number {
  for (let n = 1; n <= 1000; n++) if (finds.add(record)) return n;
  return 0;
}

Deno.test("a block is worth a region when it was found so often, and once", () => {
  const finds = new Finds(2, false);
  assert.equal(until(finds, 32), 2);
  assert.equal(finds.times(32), 2);
  assert.equal(until(finds, 32), 0);
  finds.restart(32);
  assert.equal(until(finds, 32), 2);
});

Deno.test("one that a region holds has to be found much oftener, unless all is translated", () => {
  const finds = new Finds(2, false);
  const a = region();
  finds.take(a, blocks(32, 64));
  assert.equal(finds.holder(64), a);
  assert.equal(until(finds, 64), 100);
  const all = new Finds(2, true);
  all.take(region(), blocks(32, 64));
  assert.equal(until(all, 64), 2);
});

// It stayed with the interpreter for ever: found oftener than a block without a region has to be.
Deno.test("one that a region has let go is found as any other is", () => {
  const finds = new Finds(2, false);
  const a = region();
  finds.take(a, blocks(32, 64, 96));
  for (let n = 0; n < 50; n++) assert.equal(finds.add(64), false);
  finds.take(a, blocks(32, 96, 128));
  assert.equal(finds.holder(64), undefined);
  assert.equal(until(finds, 64), 2);
  // those it has kept go on from where they were
  for (let n = 0; n < 99; n++) assert.equal(finds.add(96), false);
  finds.take(a, blocks(32, 96));
  assert.equal(until(finds, 96), 1);
});

Deno.test("the region that took a block in last holds it, until it lets it go or is dropped", () => {
  const finds = new Finds(2, false);
  const [a, b] = [region(), region()];
  finds.take(a, blocks(32, 64));
  finds.take(b, blocks(64, 96));
  assert.equal(finds.holder(64), b);
  finds.take(a, blocks(32));
  assert.equal(finds.holder(64), b);
  finds.add(96);
  finds.drop(b);
  assert.deepEqual([64, 96].map((record) => finds.holder(record)), [undefined, undefined]);
  assert.equal(finds.times(96), 0);
  finds.clear();
  assert.equal(finds.holder(32), undefined);
});
