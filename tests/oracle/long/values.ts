/** Corner-weighted 64-bit values. */
import type { Random } from "../../random.ts";
import { corner } from "../values.ts";

const CORNERS = [
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0x8000000000000001n,
  0xffffffff00000000n,
  0x00000000ffffffffn,
  0x0000000100000000n,
  0xffffffff80000000n,
  0x5555555555555555n,
  0xaaaaaaaaaaaaaaaan,
  0x8000000080000000n,
];

/** A 32-bit corner extended either way or in each half, a 64-bit one, or anything. */
export function corner64(r: Random): bigint {
  const low = BigInt(corner(r));
  switch (r.below(6)) {
    case 0:
      return low;
    case 1:
      return BigInt.asUintN(64, BigInt.asIntN(32, low));
    case 2:
      return r.pick(CORNERS);
    case 3:
      return BigInt.asUintN(64, r.pick(CORNERS) + BigInt(r.below(5) - 2));
    case 4:
      return BigInt(corner(r)) << 32n | low;
    default:
      return BigInt(r.next()) << 32n | BigInt(r.next());
  }
}

/** True if bits 63 to 47 are all alike. */
export function canonical(v: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, v)) === v;
}

/** An address that 32 bits do not reach, where nothing is mapped; or that is none, not being canonical. */
export function farAddress(r: Random): bigint {
  const noise = BigInt(r.next());
  switch (r.below(4)) {
    case 0:
      return 0x0000010000000000n + noise; // canonical, in the lower half
    case 1:
      return 0xffff900000000000n + noise; // in the upper half
    case 2:
      return 0x0000800000000000n - BigInt(r.below(12)) + (r.oneIn(2) ? 0n : noise); // across the end
    default:
      return noise << 32n | 0x0001000000000000n;
  }
}
