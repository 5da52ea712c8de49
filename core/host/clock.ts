/**
 * The two kinds of time. Wall time follows the host's clock. Virtual time is made of the guest's own
 * instructions: it moves while guests run and jumps to the next deadline while none does, so a run
 * with the same input is the same run.
 */

export type TimeMode = "wall" | "virtual";

export interface Clock {
  readonly mode: TimeMode;
  /**
   * ns of system time. Wall time: what it is now. Virtual time: how far it may skip while no guest
   * can run; what it is now, the core itself counts.
   */
  now(): bigint;
  /** ns since 1970; virtual time: when system time was 0. */
  wall(): bigint;
}

/** A machine has been up for a second when its first domain starts, as with a real hypervisor. */
const UPTIME = 1e9;

/** The host's clock. */
export class WallClock implements Clock {
  readonly mode = "wall";
  private readonly start = performance.now();

  now(): bigint {
    return BigInt(Math.round((performance.now() - this.start) * 1e6 + UPTIME));
  }

  wall(): bigint {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
  }
}

/** Where virtual time begins, in ns since 1970: 2020-01-01 00:00 UTC, the same in each run. */
const VIRTUAL_EPOCH = 1_577_836_800_000_000_000n;

/** The core's own count of instructions, which it may take forward only as far as it is told. */
export class VirtualClock implements Clock {
  readonly mode = "virtual";
  private limit = 0n;

  now(): bigint {
    return this.limit;
  }

  wall(): bigint {
    return VIRTUAL_EPOCH;
  }

  /** Lets time skip to `time`, when nothing can happen before. */
  allow(time: bigint): void {
    this.limit = time;
  }
}
