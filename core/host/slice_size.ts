/**
 * How many instructions a slice has where time is the host's: as many as a guest that computes runs in about a
 * millisecond, and fewer for one whose instructions take longer, so that the loop is asked often enough.
 */

/** Instructions of a full slice, which in virtual time each is. */
export const SLICE = 200_000;
const LEAST = 2_000;
/** Milliseconds: a slice that took longer is followed by a shorter one, one that took less by a longer one. */
const LONG = 2;
const SHORT = 1;

export class SliceSize {
  #size = SLICE;

  /** Instructions of the next slice. */
  get size(): number {
    return this.#size;
  }

  /** @param milliseconds that the last slice took */
  took(milliseconds: number): void {
    // by how much, as one very slow slice is to be followed by a very short one
    if (milliseconds > LONG) this.#size = Math.max(LEAST, this.#size * LONG / milliseconds | 0);
    else if (milliseconds < SHORT) this.#size = Math.min(SLICE, this.#size * 2);
  }
}
