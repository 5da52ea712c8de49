/** A small seeded generator: the same numbers on every host, and a seed that fits a report. */

/** Random numbers by Marsaglia's xorshift with 128 bits of state, seeded from 32. */
export class Random {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #d = 0xb7e15162;

  constructor(seed: number) {
    this.#a = seed | 0 || 1;
    for (let i = 0; i < 16; i++) this.next();
  }

  /** A number from 0 to 2^32 - 1. */
  next(): number {
    let t = this.#d;
    t ^= t << 11;
    t ^= t >>> 8;
    this.#d = this.#c;
    this.#c = this.#b;
    this.#b = this.#a;
    this.#a ^= (this.#a >>> 19) ^ t;
    return this.#a >>> 0;
  }

  /** A number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.next() / 0x100000000 * n);
  }

  /** True once in n times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of several. */
  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)];
  }
}
