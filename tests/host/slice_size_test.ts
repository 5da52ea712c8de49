/** Slices are as long as a guest's instructions are quick. */
import assert from "node:assert/strict";
import { SLICE, SliceSize } from "../../core/host/slice_size.ts";
import { Turn } from "../../core/host/turn.ts";

/** Runs slices of a guest whose instructions take so many nanoseconds. */
function run(size: SliceSize, ns: number, slices: number): number[] {
  const took: number[] = [];
  for (let n = 0; n < slices; n++) {
    const milliseconds = size.size * ns / 1e6;
    size.took(milliseconds);
    took.push(milliseconds);
  }
  return took;
}

Deno.test("a slice has all its instructions while they are quick", () => {
  const size = new SliceSize();
  run(size, 1, 10);
  assert.equal(size.size, SLICE);
});

Deno.test("slow instructions: slices of at most two milliseconds, from the second on", () => {
  for (const ns of [15, 100, 500]) {
    const size = new SliceSize();
    const [, ...others] = run(size, ns, 50);
    assert.ok(others.every((ms) => ms <= 2), `${ns} ns an instruction: ${others}`);
    assert.ok(others.every((ms) => ms >= 0.5), "and they are no shorter than they have to be");
    run(size, 1, 20);
    assert.equal(size.size, SLICE, "it has come back");
  }
});

Deno.test("a slice is never so short that nothing gets done", () => {
  const size = new SliceSize();
  run(size, 1e6, 20);
  assert.ok(size.size >= 1000, `${size.size}`);
});

Deno.test("a turn that is over gives way to timers, and begins anew", async () => {
  const turn = new Turn(0);
  let fired = false;
  setTimeout(() => fired = true, 0);
  while (!fired) {
    assert.ok(turn.over);
    await turn.pass();
  }
  assert.equal(new Turn(1e9).over, false);
});
