/**
 * The two kinds of time. Wall time follows the host's clock. Virtual time is made of the guest's own
 * instructions: it moves while guests run and jumps to the next deadline while none does, so a run
 * with the same input is the same run.
 */

export type TimeMode = "wall" | "virtual";

/** Nanoseconds since the machine began, and since 1970, as the guests see them. */
export interface Clock {
  readonly mode: TimeMode;
  now(): bigint;
  wall(): bigint;
}

/** The host's clock. */
export class WallClock implements Clock {
  readonly mode = "wall";
  private readonly start = performance.now();

  now(): bigint {
    return BigInt(Math.round((performance.now() - this.start) * 1e6));
  }

  wall(): bigint {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
  }
}

/** Where virtual time begins, in ns since 1970: 2020-01-01 00:00 UTC, the same in each run. */
const VIRTUAL_EPOCH = 1_577_836_800_000_000_000n;

/** A clock that stands still until it is told. */
export class VirtualClock implements Clock {
  readonly mode = "virtual";
  private time = 0n;

  now(): bigint {
    return this.time;
  }

  wall(): bigint {
    return VIRTUAL_EPOCH + this.time;
  }

  /** Moves on to `time`, never back. */
  advance(time: bigint): void {
    if (time > this.time) this.time = time;
  }
}
