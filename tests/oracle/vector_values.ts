/** Corner-weighted vectors, and the FXSAVE images that cases start from. */
import type { Random } from "../random.ts";
import { corner } from "./values.ts";

// zeros, denormals, the ends of the normals, infinities, quiet and signalling NaNs, ones and ties
const SINGLES = [
  0,
  0x00000001,
  0x00400000,
  0x007fffff,
  0x00800000,
  0x00800001,
  0x00ffffff,
  0x3f800000,
  0x3f800001,
  0x3fffffff,
  0x40000000,
  0x40490fdb,
  0x4b000000,
  0x4b800001,
  0x4effffff,
  0x4f000000,
  0x3f000000,
  0x3fc00000,
  0x40200000,
  0x7f7fffff,
  0x7f000000,
  0x7f800000,
  0x7fc00000,
  0x7fc12345,
  0x7f800001,
  0x7fa00000,
  0x7fffffff,
];
const DOUBLES = [
  0n,
  1n,
  0x000fffffffffffffn,
  0x0008000000000000n,
  0x0010000000000000n,
  0x0010000000000001n,
  0x3ff0000000000000n,
  0x3ff0000000000001n,
  0x3fe0000000000000n,
  0x3ff8000000000000n,
  0x4000000000000000n,
  0x41dfffffffc00000n,
  0x41dfffffffe00000n,
  0x41e0000000000000n,
  0x41e0000000200000n,
  0x47efffffe0000000n,
  0x47effffff0000000n,
  0x3810000000000000n,
  0x380fffffffffffffn,
  0x3690000000000000n,
  0x4340000000000001n,
  0x7fefffffffffffffn,
  0x7ff0000000000000n,
  0x7ff8000000000000n,
  0x7ff8123456789abcn,
  0x7ff0000000000001n,
  0x7ff4000000000000n,
];

function single(r: Random): number {
  const sign = r.oneIn(2) ? 0x80000000 : 0;
  switch (r.below(6)) {
    case 0:
    case 1:
      return (r.pick(SINGLES) | sign) >>> 0;
    case 2: // any exponent
      return r.next();
    case 3: // a small integer or a half of one
      return new Uint32Array(Float32Array.of((r.below(64) - 32) / 2).buffer)[0];
    default: // near one, so that sums round
      return ((0x3f800000 + (r.below(24) - 12) * 0x800000 + (r.next() & 0x7fffff)) | sign) >>> 0;
  }
}

function double(r: Random): bigint {
  const sign = r.oneIn(2) ? 1n << 63n : 0n;
  switch (r.below(6)) {
    case 0:
    case 1:
      return r.pick(DOUBLES) | sign;
    case 2:
      return BigInt(r.next()) << 32n | BigInt(r.next());
    case 3:
      return new BigUint64Array(Float64Array.of((r.below(64) - 32) / 2).buffer)[0];
    default: {
      const exponent = BigInt(1023 + r.below(r.oneIn(2) ? 64 : 300) - 32);
      return exponent << 52n | BigInt(r.next() & 0xfffff) << 32n | BigInt(r.next()) | sign;
    }
  }
}

/** Fills bytes (a multiple of 8) with singles, doubles, or integers. */
export function fillVector(r: Random, out: DataView, at: number, bytes: number): void {
  const kind = r.below(5);
  for (let i = 0; i < bytes; i += 8) {
    if (kind < 2) {
      out.setUint32(at + i, single(r), true);
      out.setUint32(at + i + 4, single(r), true);
    } else if (kind < 4) out.setBigUint64(at + i, double(r), true);
    else {
      out.setUint32(at + i, corner(r), true);
      out.setUint32(at + i + 4, corner(r), true);
    }
  }
}

/** MXCSR: each rounding mode, DAZ, FTZ, flags there before, and now and then unmasked exceptions. */
export function randomMxcsr(r: Random): number {
  const masks = r.oneIn(4) ? r.below(64) : 63;
  const flags = r.oneIn(2) ? r.below(64) : r.oneIn(2) ? 0x20 : 0;
  const rounding = r.oneIn(2) ? r.below(4) : 0;
  const daz = r.oneIn(4) ? 0x40 : 0;
  const ftz = r.oneIn(4) ? 0x8000 : 0;
  return flags | daz | masks << 7 | rounding << 13 | ftz;
}

export const FX_MXCSR = 24;
export const FX_ST = 32;
export const FX_XMM = 160;

/** Fills an FXSAVE image: any TOP and tags, now and then an x87 exception pending, corner values all over. */
export function randomState(r: Random, view: DataView): void {
  for (let i = 0; i < 512; i += 4) view.setUint32(i, 0, true);
  const pending = r.oneIn(16); // #MF for MMX, nothing to SSE
  view.setUint16(0, pending ? 0x340 : 0x37f, true);
  const status = r.oneIn(2) ? r.below(8) << 11 | r.below(8) << 8 : 0;
  view.setUint16(2, status | (pending ? 0x8080 | 1 << r.below(6) : 0), true);
  view.setUint8(4, r.oneIn(2) ? r.below(256) : 0);
  view.setUint32(FX_MXCSR, randomMxcsr(r), true);
  for (let i = 0; i < 8; i++) {
    fillVector(r, view, FX_ST + i * 16, 8);
    view.setUint16(FX_ST + i * 16 + 8, r.next() & 0xffff, true);
    fillVector(r, view, FX_XMM + i * 16, 16);
  }
}
