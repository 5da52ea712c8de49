/** In wall time a slice ends where a timer is due, whether a guest's instructions are quick or slow. */
import assert from "node:assert/strict";
import { loadGuest } from "paravane";
import { machineByClock } from "../../core/host/create_machine.ts";
import type { Core } from "../../core/host/core.ts";

/** Instructions of a slice that no timer cuts short: many times what may be waited for. */
const SLICE = 200_000;
/** Events to a line, and those of them after which its printing is forgotten: hypercalls are quick for what they count. */
const EVENTS = 64;
const FORGOTTEN = 12;
const LINES = 4;

/** How late events were, line by line, in ns of a clock by which each instruction takes so many of them. */
async function lateness(ns: number): Promise<number[][]> {
  let core: Core | null = null;
  const clock = {
    mode: "wall" as const,
    now: () => 1_000_000_000n + BigInt(Math.round((core?.retired() ?? 0) * ns)),
    wall: () => 0n,
  };
  await using machine = await machineByClock(clock, { jit: false, slice: () => SLICE });
  core = machine.core;
  const late: number[][] = [];
  let rest = "";
  const done = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  await machine.addDomain((await loadGuest("punctual"))!, {
    memory: 8,
    output: (bytes) => {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) late.push(line.split(" ").slice(1).map(Number));
      if (late.length >= LINES) done.resolve();
    },
  });
  await done.promise;
  return late;
}

for (const ns of [0.5, 4, 10, 40]) {
  Deno.test(`a timer's event comes in time where an instruction takes ${ns} ns`, async () => {
    const lines = await lateness(ns);
    // the shortest slice has 1000 instructions; the upcall and the clock's reading take some more
    const most = 1500 * ns;
    for (const line of lines) {
      assert.equal(line.length, EVENTS);
      assert.ok(line.slice(FORGOTTEN).every((late) => late <= most), `${line}`);
    }
  });
}
