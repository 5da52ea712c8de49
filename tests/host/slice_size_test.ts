/** Slices are as long as a guest's instructions are quick. */
import assert from "node:assert/strict";
import { SLICE, SliceSize } from "../../core/host/slice_size.ts";
import { Turn } from "../../core/host/turn.ts";

/** Runs slices of a guest whose instructions take so many nanoseconds; what each took, in milliseconds. */
function run(size: SliceSize, ns: number, slices: number, part = 1): number[] {
  const took: number[] = [];
  for (let n = 0; n < slices; n++) {
    const used = size.size * part;
    const milliseconds = used * ns / 1e6;
    size.took(milliseconds, used);
    took.push(milliseconds);
  }
  return took;
}

Deno.test("a slice has all its instructions while they are quick", () => {
  const size = new SliceSize();
  run(size, 0.25, 10);
  assert.equal(size.size, SLICE);
});

Deno.test("slices of 50 to 100 µs from the second on, however slow a guest's instructions are", () => {
  for (const ns of [0.5, 1, 7, 30]) {
    const size = new SliceSize();
    const [, ...others] = run(size, ns, 50);
    const right = others.every((ms) => ms >= 0.05 && ms <= 0.1);
    assert.ok(right, `${ns} ns an instruction: ${others}`);
    run(size, 0.25, 100);
    assert.equal(size.size, SLICE, "it has come back");
  }
});

Deno.test("a slice is never so short that nothing gets done", () => {
  const size = new SliceSize();
  run(size, 1e6, 20);
  assert.ok(size.size >= 1000, `${size.size}`);
});

Deno.test("slices that end early tell no less of how quick instructions are", () => {
  const size = new SliceSize();
  run(size, 10, 200, 0.1);
  assert.ok(size.size <= 10_000, `${size.size} of 10 ns each would take longer than 100 µs`);
});

Deno.test("a clock that ticks each millisecond does not make slices long, nor of no length", () => {
  const size = new SliceSize();
  let [now, told] = [0, 0];
  const took: number[] = [];
  for (let n = 0; n < 2000; n++) {
    const ms = size.size * 2 / 1e6;
    now += ms;
    size.took(Math.floor(now) - told, size.size);
    told = Math.floor(now);
    took.push(ms);
  }
  const settled = took.slice(1000);
  const mean = settled.reduce((a, b) => a + b) / settled.length;
  assert.ok(mean > 0.03 && mean < 0.15, `${mean} ms`);
});

Deno.test("a full slice's worth stays what it was: 200,000 instructions, fewer only for slow guests", () => {
  for (const [ns, worth] of [[0.25, SLICE], [1, SLICE], [7, SLICE], [30, 50_000]]) {
    const size = new SliceSize();
    run(size, ns, 50);
    assert.ok(Math.abs(size.worth - worth) <= 0.05 * worth, `${ns} ns: ${size.worth}`);
  }
});

Deno.test("a turn that is over gives way to timers, and begins anew", async () => {
  const turn = new Turn(0);
  let fired = false;
  setTimeout(() => fired = true, 0);
  while (!fired) {
    assert.ok(turn.over());
    await turn.pass();
  }
  assert.equal(new Turn(1e9).over(), false);
});
