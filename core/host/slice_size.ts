/**
 * How many instructions a slice has where time is the host's: as many as guests ran of late in some 70 µs, as a timer's
 * event, another guest's or the host's may have to wait for a slice to end. A slice costs a microsecond or so of its
 * own, so shorter ones would be felt.
 */

/** Instructions of a full slice, which in virtual time each is. */
export const SLICE = 200_000;
const LEAST = 2_000;
/** Milliseconds that a slice should take. */
const AIM = 0.07;
/** Milliseconds of guests' work that tell how quick they are: less may be a tick of a coarse clock. */
const TELLING = 0.04;
/** How much larger than the last one a slice may be. */
const GROWTH = 4;
/** Milliseconds in which slow guests have run a full slice's worth. */
const WORTH = 1.5;

export class SliceSize {
  #size = SLICE;
  #took = 0;
  #used = 0;

  /** Instructions of the next slice. */
  get size(): number {
    return this.#size;
  }

  /** Instructions that count as a full slice's worth: so many, or what slow guests run in a millisecond and a half. */
  get worth(): number {
    return Math.min(SLICE, this.#size * (WORTH / AIM));
  }

  /**
   * @param milliseconds that a slice took
   * @param used instructions that it had of its budget
   */
  took(milliseconds: number, used: number): void {
    this.#took += milliseconds;
    this.#used += used;
    if (this.#took < TELLING) return;
    // smaller by as much as it must be: a very slow slice is to be followed by a very short one
    const wanted = Math.min(this.#used * AIM / this.#took, this.#size * GROWTH, SLICE);
    this.#size = Math.max(LEAST, wanted | 0);
    this.#took = 0;
    this.#used = 0;
  }
}
