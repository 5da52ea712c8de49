/** Pause, resume and step. A step is one instruction; a guest that waits for an event runs it when that comes. */
import type { Domain } from "../../core/host/domain.ts";
import type { RunState } from "../protocol.ts";

export class Stepper {
  state: RunState = "running";
  #domain: Domain | null = null;
  #step: AbortController | null = null;

  /** @param changed told when the state is another, or another instruction is next */
  constructor(private readonly changed: () => void) {}

  attach(domain: Domain): void {
    this.#domain = domain;
  }

  pause(): void {
    this.#step?.abort();
    this.#domain?.pause();
    this.#become("paused");
  }

  resume(): void {
    this.#step = null;
    this.#domain?.unpause();
    this.#become("running");
  }

  async step(): Promise<void> {
    if (this.state !== "paused" || !this.#domain?.running) return;
    const step = this.#step = new AbortController();
    this.#become("stepping");
    // what ends it otherwise has said so itself: pause, or the guest's end
    await this.#domain.step(1, { signal: step.signal }).catch(() => {});
    if (this.#step !== step || step.signal.aborted) return;
    this.#step = null;
    this.#become("paused");
  }

  #become(state: RunState): void {
    this.state = state;
    this.changed();
  }
}
