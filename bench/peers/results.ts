/** What many interleaved runs say: the quietest of each, warm and cold, against the processor. */
import type { Timing } from "../recorder.ts";
import { COMPUTE } from "../reference.ts";
import type { Run } from "./engine.ts";

/** One engine's times, in seconds by kernel. */
export interface Times {
  /** Quietest round but the first of any run. */
  warm: Record<string, number>;
  /** Quietest first round: what it takes to get going is in it. */
  cold: Record<string, number>;
  /** Least resident memory at the end of a run, MiB. */
  residentMib: number | null;
  /** Checksums, by kernel. */
  sums: Record<string, string>;
}

function least(numbers: (number | null)[]): number | null {
  const known = numbers.filter((n) => n !== null);
  return known.length ? Math.min(...known) : null;
}

/** Folds an engine's runs together. */
export function timesOf(runs: readonly Run[]): Times {
  const times: Times = { warm: {}, cold: {}, residentMib: null, sums: {} };
  const add = (to: Record<string, number>, name: string, seconds: number) =>
    to[name] = Math.min(to[name] ?? Infinity, seconds);
  const take = (name: string, { rounds, sum }: Timing) => {
    add(times.cold, name, rounds[0]);
    for (const seconds of rounds.slice(1)) add(times.warm, name, seconds);
    times.sums[name] = sum;
  };
  for (const { timings } of runs) for (const [name, timing] of timings) take(name, timing);
  times.residentMib = least(runs.map((run) => run.residentMib));
  return times;
}

/** Kernels that count for a mean: not movsd, which is one instruction that any engine copies by. */
export const COUNTED = COMPUTE.filter((name) => name !== "movsd");

/**
 * Geometric mean of how many times longer one took than the other, over the kernels both ran.
 *
 * @returns null if there is none
 */
export function meanRatio(
  ours: Record<string, number>,
  theirs: Record<string, number>,
): number | null {
  const ratios = COUNTED.filter((k) => k in ours && k in theirs).map((k) => ours[k] / theirs[k]);
  if (!ratios.length) return null;
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

/** Kernels whose checksum is not the same everywhere, as sentences. */
export function disagreements(all: ReadonlyMap<string, Times>): string[] {
  return COMPUTE.flatMap((kernel) => {
    const sums = [...all].filter(([, t]) => kernel in t.sums).map(([name, t]) =>
      [name, t.sums[kernel]] as const
    );
    if (new Set(sums.map(([, sum]) => sum)).size <= 1) return [];
    return [`${kernel}: ${sums.map(([name, sum]) => `${name} ${sum}`).join(", ")}`];
  });
}
