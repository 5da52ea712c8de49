/**
 * The memory of destroyed domains, which goes back in pieces: for the others they are gone at once, but to free a
 * gigabyte of frames takes ten milliseconds.
 */
import type { Core } from "./core.ts";
import { Turn } from "./turn.ts";

/** Frames of a piece, which takes some 300 µs. A small domain goes in one. */
export const PIECE = 8192;
/** More than any machine has. */
const ALL = 1 << 20;

export class Reclaim {
  #working = false;
  #stopped = false;
  #settled: Promise<void> = Promise.resolve();
  readonly #piece: number;

  /**
   * @param atOnce in one piece, however long it takes: in virtual time guests could see from the frames that they get
   *   how far it is
   */
  constructor(private readonly core: Core, atOnce: boolean) {
    this.#piece = atOnce ? ALL : PIECE;
  }

  /** Settles when the memory of all domains that were killed has gone back, or never will. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** To be called when a domain was killed, while no slice runs. */
  begin(): void {
    if (this.#working || this.#stopped || !this.#some()) return;
    this.#working = true;
    this.#settled = this.#goOn();
  }

  /** Leaves what is not done: the machine goes as a whole. */
  stop(): void {
    this.#stopped = true;
  }

  /** @returns whether there is more */
  #some(): boolean {
    return this.core.exports.machine_reclaim(this.#piece) === 1;
  }

  async #goOn(): Promise<void> {
    const turn = new Turn();
    do {
      if (turn.over()) await turn.pass();
    } while (!this.#stopped && this.#some());
    this.#working = false;
  }
}
