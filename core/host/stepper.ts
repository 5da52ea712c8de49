/**
 * Steps: a domain that is paused runs some instructions and is paused again. Other domains stand still
 * meanwhile, so that what is counted is its own.
 */
import type { Core } from "./core.ts";

interface Step {
  domid: number;
  /** Instructions when it began, and how many are wanted. */
  from: number;
  count: number;
  /** Others that ran and will again. */
  others: number[];
  done: () => void;
}

export class Stepper {
  #step: Step | null = null;

  constructor(private readonly core: Core) {}

  /** A step is under way. */
  get active(): boolean {
    return this.#step !== null;
  }

  /**
   * Begins a step.
   *
   * @param others domains that run now
   * @returns settles when the domain has run so many instructions, or the step was ended
   */
  begin(domid: number, count: number, others: number[]): Promise<void> {
    const { exports } = this.core;
    for (const other of others) exports.domain_pause(other);
    exports.machine_step_mode(1);
    const from = this.core.retired();
    return new Promise((done) => {
      this.#step = { domid, from, count, others, done };
      exports.domain_unpause(domid);
    });
  }

  /**
   * Has a new domain, which is paused, run when the step is over.
   *
   * @returns whether there is a step that it has to wait for
   */
  hold(domid: number): boolean {
    this.#step?.others.push(domid);
    return this.active;
  }

  /** Instructions of the next slice; to be asked while a step is under way. */
  get left(): number {
    const { from, count } = this.#step!;
    return Math.max(1, count - (this.core.retired() - from));
  }

  /** To be called after each slice. */
  sliced(): void {
    if (this.#step && this.core.retired() - this.#step.from >= this.#step.count) this.end();
  }

  /** Ends a step where it is, if there is one. */
  end(): void {
    if (!this.#step) return;
    const { domid, others, done } = this.#step;
    this.#step = null;
    const { exports } = this.core;
    exports.domain_pause(domid);
    exports.machine_step_mode(0);
    for (const other of others) exports.domain_unpause(other);
    done();
  }
}
