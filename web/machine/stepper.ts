/**
 * Pause, resume and step. A step is one slice that may run a single instruction, which the core ends
 * at the next block's first instruction: one block of guest code. A guest that waits for an event is
 * let run until it has done something.
 */
import type { Domain } from "../../core/host/domain.ts";
import type { RunState } from "../protocol.ts";

/** Instructions of an ordinary slice. */
const SLICE = 200_000;

export class Stepper {
  state: RunState = "running";
  #domain: Domain | null = null;
  #from = -1;

  /**
   * @param retired counts the instructions that guests have run
   * @param changed told when the state is another
   */
  constructor(private readonly retired: () => number, private readonly changed: () => void) {}

  attach(domain: Domain): void {
    this.#domain = domain;
  }

  pause(): void {
    this.#domain?.pause();
    this.#become("paused");
  }

  resume(): void {
    this.#become("running");
    this.#domain?.unpause();
  }

  step(): void {
    if (this.state === "stepping" || !this.#domain?.running) return;
    this.#from = -1;
    this.#become("stepping");
    this.#domain.unpause();
  }

  /** Most instructions of the slice to come; called before each. */
  slice(): number {
    if (this.state !== "stepping") return SLICE;
    const now = this.retired();
    if (this.#from < 0) this.#from = now;
    else if (now !== this.#from) this.pause();
    return 1;
  }

  #become(state: RunState): void {
    this.state = state;
    this.changed();
  }
}
