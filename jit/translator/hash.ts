/** A hash without collisions, for a switch over the targets of an indirect jump. */

export interface PerfectHash {
  /** The slot of n is (n * factor mod 2^32) >>> (32 - bits). */
  factor: number;
  bits: number;
  /** By slot, which of the numbers it stands for, or null. */
  places: (number | null)[];
}

/** @param numbers different from each other, modulo 2^32 */
export function perfectHash(numbers: number[]): PerfectHash {
  for (let bits = Math.ceil(Math.log2(numbers.length)) + 1;; bits++) {
    for (let n = 0, factor = 0x9e3779b1; n < 100; n++, factor = Math.imul(factor, 0x85ebca6b) + 2) {
      const places: (number | null)[] = new Array(1 << bits).fill(null);
      const fits = numbers.every((number, i) => {
        const slot = Math.imul(number, factor) >>> (32 - bits);
        if (places[slot] !== null) return false;
        places[slot] = i;
        return true;
      });
      if (fits) return { factor: factor | 0, bits, places };
    }
  }
}
