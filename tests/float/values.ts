/** Operands weighted towards corners, for formats of any size. */
import type { Random } from "../random.ts";

/** A number of `n` random bits, at most 64. */
export function bits(r: Random, n: number): bigint {
  return BigInt.asUintN(n, BigInt(r.next()) << 32n | BigInt(r.next()));
}

/** A fraction of `width` bits: all zeros, all ones, a single bit, a run of ones, or random. */
function fraction(r: Random, width: number): bigint {
  const all = (1n << BigInt(width)) - 1n;
  const bit = 1n << BigInt(r.below(width));
  switch (r.below(8)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return bit;
    case 3:
      return bit - 1n;
    case 4:
      return all & ~(bit - 1n);
    case 5: // an exact half of some shorter format
      return (bits(r, width) & ~((bit << 1n) - 1n)) | bit;
    default:
      return bits(r, width);
  }
}

/** A pattern of a binary interchange format. */
export function pattern(r: Random, exponentBits: number, fractionBits: number): bigint {
  const top = (1 << exponentBits) - 1;
  const bias = top >> 1;
  let e: number;
  switch (r.below(8)) {
    case 0:
      e = 0;
      break;
    case 1:
      e = top;
      break;
    case 2:
      e = r.pick([1, 2, 3, top - 1, top - 2, fractionBits, fractionBits + 1]);
      break;
    case 3:
      e = r.pick([1, 2]) + r.below(2) * (bias - 1);
      break;
    case 4:
      e = r.below(top + 1);
      break;
    default:
      e = Math.min(top, Math.max(0, bias + r.below(140) - 70));
  }
  const sign = BigInt(r.below(2));
  const f = fraction(r, fractionBits);
  return (sign << BigInt(exponentBits) | BigInt(e)) << BigInt(fractionBits) | f;
}
