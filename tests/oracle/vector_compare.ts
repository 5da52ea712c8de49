/** What two worlds answered to a vector case. */
import type { Case, Outcome } from "./case.ts";
import { differences } from "./compare.ts";
import { FX_MXCSR, FX_ST, FX_XMM } from "./vector_values.ts";

/** RCP and RSQRT: the manual bounds their error, and every processor has a table of its own. */
const ESTIMATES = / (rcp|rsqrt)[ps]s /;
const TOLERANCE = 2 * 1.5 / 4096;

/** What differs, a line each. */
export function vectorDifferences(c: Case, native: Outcome, ours: Outcome): string[] {
  const fx = ours.fx.slice();
  if (ESTIMATES.test(c.form)) forgive(native.fx, fx);
  const lines = differences(c, native, { ...ours, fx });
  if (!lines.length) return lines;
  const mattered = c.fx.some((b, i) => i >= FX_XMM && b !== 0);
  return mattered ? [...lines, stateText(c)] : lines;
}

/** Takes over estimates that are as good as the host's own. */
function forgive(native: Uint8Array, ours: Uint8Array): void {
  const [a, b] = [native, ours].map((m) => new DataView(m.buffer, m.byteOffset));
  for (let i = FX_XMM; i < FX_XMM + 128; i += 4) {
    const x = a.getFloat32(i, true), y = b.getFloat32(i, true);
    if (Number.isFinite(x) && Math.abs(x - y) <= TOLERANCE * Math.abs(x)) {
      b.setUint32(i, a.getUint32(i, true), true);
    }
  }
}

/** The vector state that a case starts from. */
function stateText({ fx, memory }: Case): string {
  const words = (of: Uint8Array, at: number, n: number) =>
    Array.from({ length: n }, (_, i) => {
      const view = new DataView(of.buffer, of.byteOffset);
      return view.getUint32(at + 4 * (n - 1 - i), true).toString(16).padStart(8, "0");
    }).join("_");
  const registers = (name: string, at: number, n: number) =>
    Array.from({ length: 8 }, (_, i) => `${name}${i}=${words(fx, at + 16 * i, n)}`).join(" ");
  return `mxcsr=${words(fx, FX_MXCSR, 1)} fsw=${words(fx, 0, 1)} ${registers("xmm", FX_XMM, 4)} ` +
    `${registers("st", FX_ST, 2)} edge=${words(memory, 512, 16)}`;
}
