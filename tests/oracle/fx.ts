/** FPU and SSE state in FXSAVE's layout (manual volume 1, 10.5): what cases start from, and comparison. */
import { Buffer } from "node:buffer";
import type { Random } from "../random.ts";
import { FX_SIZE } from "./layout.ts";
import { corner } from "./values.ts";

const FCW = 0, FSW = 2, FTW = 4, MXCSR = 24, ST = 32, XMM = 160;
const DEFAULT_FCW = 0x37f, DEFAULT_MXCSR = 0x1f80;

const INITIAL = new Uint8Array(FX_SIZE);
new DataView(INITIAL.buffer).setUint16(FCW, DEFAULT_FCW, true);
new DataView(INITIAL.buffer).setUint32(MXCSR, DEFAULT_MXCSR, true);

/** As FNINIT leaves it. */
export const initialFx = (): Uint8Array => INITIAL.slice();

/** Sign and exponent words of 80-bit numbers, and mantissas' upper halves, worth trying. */
const EXPONENTS = [0, 1, 0x3ffe, 0x3fff, 0x4000, 0x401e, 0x403e, 0x7ffe, 0x7fff, 0x3f80, 0x4080];
const MANTISSAS = [0x80000000, 0xc0000000, 0xffffffff, 0x80000001, 0, 0x40000000, 0xaaaaaaaa];

/** Any state: register stack, rounding, flags and SSE registers; most exceptions masked. */
export function randomFx(r: Random): Uint8Array {
  const fx = initialFx();
  const view = new DataView(fx.buffer);
  const masks = r.oneIn(6) ? r.below(64) : 63;
  view.setUint16(FCW, 0x40 | masks | r.below(16) << 8, true);
  // ES and B follow from pending exceptions; none is pending that is not masked
  view.setUint16(FSW, r.next() & 0x7f40 | (r.below(64) & masks), true);
  fx[FTW] = r.oneIn(2) ? 0xff : r.below(256);
  view.setUint32(MXCSR, 0x1f80 | (r.next() & 0xe07f), true);
  for (let i = 0; i < 8; i++) {
    const at = ST + i * 16;
    view.setUint32(at, r.oneIn(2) ? 0 : r.next(), true);
    view.setUint32(at + 4, r.oneIn(3) ? r.next() | 0x80000000 : r.pick(MANTISSAS), true);
    view.setUint16(
      at + 8,
      (r.oneIn(3) ? 0x3fff + r.below(70) - 4 : r.pick(EXPONENTS)) |
        r.below(2) << 15,
      true,
    );
  }
  for (let at = XMM; at < XMM + 128; at += 4) view.setUint32(at, corner(r), true);
  return fx;
}

/** Bytes that FXSAVE's layout leaves to the processor: FOP FIP FDP, MXCSR_MASK, what is reserved. */
export function comparable(offset: number): boolean {
  if (offset < 32) return offset < 5 || (offset >= 24 && offset < 28);
  return offset >= XMM || (offset & 15) < 10;
}

function name(offset: number): string {
  if (offset < 32) return offset < 2 ? "fcw" : offset < 4 ? "fsw" : offset < 5 ? "ftw" : "mxcsr";
  return offset < XMM
    ? `st${(offset - ST) >> 4}+${offset & 15}`
    : `xmm${(offset - XMM) >> 4}+${offset & 15}`;
}

/**
 * What differs, a line each.
 *
 * @param vectors how many XMM registers there are
 */
export function fxDifferences(native: Uint8Array, ours: Uint8Array, vectors = 8): string[] {
  const out: string[] = [];
  const all = XMM + vectors * 16;
  const registers = (fx: Uint8Array) => fx.subarray(ST, all);
  const end = Buffer.compare(registers(native), registers(ours)) === 0 ? ST : all;
  for (let i = 0; i < end && out.length < 12; i++) {
    if (native[i] === ours[i] || !comparable(i)) continue;
    out.push(`${name(i)}: native ${native[i].toString(16)}, ours ${ours[i].toString(16)}`);
  }
  return out;
}
