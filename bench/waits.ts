/**
 * How long a timer's event waits in a guest that computes: the probe "punctual" sets its timer, goes on computing, and says
 * how many nanoseconds after the time it had asked for its upcall came (guest/probes/punctual.ts).
 */
import { type Clock, WallClock } from "../core/host/clock.ts";
import { machineByClock } from "../core/host/create_machine.ts";
import { loadGuest } from "../mod.ts";
import { threadTime } from "./thread_time.ts";

/** Milliseconds until a guest is at full speed, and its hot code translated. */
const WARM = 1500;

/** By what this thread computed: other programs' work is not in it. For guests that never sleep. */
class ThreadClock implements Clock {
  readonly mode = "wall";

  now(): bigint {
    return BigInt(Math.round((threadTime() + 1000) * 1e6));
  }

  wall(): bigint {
    return 0n;
  }
}

/** What there is besides the guest that waits. */
export interface WaitOptions {
  module: WebAssembly.Module;
  jit: boolean;
  /** Guests that compute beside it. */
  others?: number;
  /** Measured by what this thread computes, not by the clock. */
  own: boolean;
}

/** @returns nanoseconds of each wait */
export async function timerWaits(
  seconds: number,
  { module, jit, others = 0, own }: WaitOptions,
): Promise<number[]> {
  await using machine = await machineByClock(own ? new ThreadClock() : new WallClock(), {
    module,
    jit,
  });
  const waits: number[] = [];
  let warm = false;
  let rest = "";
  const decoder = new TextDecoder();
  await machine.addDomain((await loadGuest("punctual"))!, {
    memory: 8,
    output: (bytes) => {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of warm ? lines : []) waits.push(...line.split(" ").slice(1).map(Number));
    },
  });
  for (let n = 0; n < others; n++) {
    await machine.addDomain((await loadGuest("spin"))!, { memory: 8 });
  }
  await new Promise((done) => setTimeout(done, WARM));
  warm = true;
  await new Promise((done) => setTimeout(done, seconds * 1000));
  return waits;
}
