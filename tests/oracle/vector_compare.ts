/** What two worlds answered to a vector case. */
import type { Case, Outcome } from "./case.ts";
import { forgive } from "./approximations.ts";
import { differences } from "./compare.ts";
import { FX_MXCSR, FX_ST, FX_XMM } from "./vector_values.ts";

/** What differs, a line each. */
export function vectorDifferences(
  c: Case,
  native: Outcome,
  ours: Outcome,
  maker?: string,
): string[] {
  const fx = forgive(c.form, native.fx, ours.fx, maker);
  const lines = differences(c, native, { ...ours, fx }, maker);
  if (!lines.length) return lines;
  const mattered = c.fx.some((b, i) => i >= FX_XMM && b !== 0);
  return mattered ? [...lines, stateText(c)] : lines;
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
