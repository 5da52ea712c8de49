/**
 * The loop that lets guests run.
 *
 * A turn is one slice of guest code, then the rings of the host's own devices. When no guest can
 * run, it sleeps until the next timer or until something wakes it: it never polls. Long runs give
 * way to the host's event loop, so that input and timeouts get their turn.
 */
import { type Clock, VirtualClock } from "./clock.ts";
import { type Core, RUN_HOST, RUN_IDLE, RUN_MORE } from "./core.ts";
import { SLICE, SliceSize } from "./slice_size.ts";
import { Turn } from "./turn.ts";

/** What the loop does besides running guests. */
export interface LoopWork {
  /** How many guest instructions the next slice has at most; see slice_size.ts if not given. */
  slice?(): number | undefined;
  /** Guests have run as many instructions as a full slice has, in one or in several. */
  sliced(): void;
  /**
   * Looks after the guests' rings and those guests that ended.
   *
   * @param idle no guest has anything to do
   */
  service(idle: boolean): void;
  /** Virtual time only: settles when the host has caught up with what guests said. */
  settled(): Promise<void>;
  /** The core itself failed: nothing can run any more. */
  failed(error: unknown): void;
}

export class RunLoop {
  /** Whether guest code is at work: this is asked from a callback of the core. */
  slicing = false;
  private woken = false;
  private readonly size = new SliceSize();
  /** What slices have used since a slice's worth of instructions was last run, and how many had been run then. */
  private used = 0;
  private spent = 0;
  /** performance.now() when the last slice ended; 0 when something took time since. */
  private ended = 0;
  private sleeper: (() => void) | null = null;
  private running = false;
  private stopped = false;

  constructor(
    private readonly core: Core,
    private readonly clock: Clock,
    private readonly work: LoopWork,
  ) {}

  /** Begins to run, if it does not run already. */
  start(): void {
    this.wake();
    if (this.running || this.stopped) return;
    this.running = true;
    this.run().catch((error) => {
      this.stopped = true;
      this.work.failed(error);
    });
  }

  /** Something may have become runnable, or a ring may move: look again before sleeping. */
  wake(): void {
    this.woken = true;
    this.sleeper?.();
  }

  /** Stops for good, after the slice at hand. */
  stop(): void {
    this.stopped = true;
    this.wake();
  }

  private async run(): Promise<void> {
    const turn = new Turn();
    const virtual = this.clock.mode === "virtual";
    while (!this.stopped) {
      this.woken = false;
      const given = this.work.slice?.();
      const result = this.slice(given ?? (virtual ? SLICE : this.size.size));
      const { ended } = this;
      if (result !== RUN_MORE) this.ended = 0;
      else if (this.sliceSpent(given ?? (virtual ? SLICE : this.size.worth))) {
        this.work.sliced();
        this.ended = 0;
      }
      this.work.service(result === RUN_IDLE);
      if (result === RUN_IDLE && !this.woken) {
        await this.idle();
      }
      // What a guest said goes out now, not at the end of the turn.
      if (result === RUN_HOST) await null;
      if (virtual) await this.work.settled();
      if (turn.over(this.ended || ended)) {
        await turn.pass();
        this.ended = 0;
      }
    }
  }

  private slice(budget: number): number {
    const { exports } = this.core;
    // in wall time it is asked for nothing
    const now = this.clock.mode === "virtual" ? this.clock.now() : 0n;
    const began = this.ended || performance.now();
    this.slicing = true;
    try {
      return exports.machine_run(now, budget);
    } finally {
      this.slicing = false;
      this.ended = performance.now();
      const used = exports.slice_used();
      this.used += used;
      this.size.took(this.ended - began, used);
    }
  }

  /**
   * Whether so many instructions were run since it last was so. Many a slice ends early, because
   * its guest blocks or calls the host: it does not make a guest busy.
   */
  private sliceSpent(worth: number): boolean {
    if (this.used < worth) return false;
    const retired = this.core.retired();
    // what hypercalls were taken to last was no instructions
    this.used = retired - this.spent;
    if (this.used < worth) return false;
    this.used = 0;
    this.spent = retired;
    return true;
  }

  /**
   * Waits until a guest may have something to do. That may be at once, and by a promise only: it says
   * nothing about the host's event loop, whose timers must not starve while guests come and go.
   */
  private async idle(): Promise<void> {
    const deadline = this.core.exports.machine_deadline();
    if (deadline >= 0n && this.clock instanceof VirtualClock) {
      this.clock.allow(deadline);
      return;
    }
    const wait = deadline < 0n ? Infinity : Number(deadline - this.clock.now()) / 1e6;
    if (wait > 0) await this.sleep(wait);
  }

  private sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      this.sleeper = () => {
        clearTimeout(timer);
        this.sleeper = null;
        resolve();
      };
      if (milliseconds < Infinity) {
        timer = setTimeout(this.sleeper, Math.min(Math.ceil(milliseconds), 0x7fffffff));
      }
    });
  }
}
