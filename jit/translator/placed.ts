/** Regions as the translator keeps them, from when they are found until they are dropped. */
import type { RegionBlock } from "./region.ts";

/** A region and its translation. */
export interface Region {
  /** EIP of its first block when it was found. */
  eip: number;
  /** C_JUMP_TAG then: a mode, a ring and an address space. */
  tag: number;
  blocks: RegionBlock[];
  /** What it was left for, and how often it has grown. */
  learned: Map<number, number>;
  growths: number;
  /** Its ways in: numbers in the function table by first record. */
  entries: Map<number, number>;
  /** Its share of its modules' bytes. */
  bytes: number;
  /** The last batch that it was in. */
  used: number;
  /** Whether what is in place was built by the second tier. */
  optimised: boolean;
}

/** A region whose blocks are not known yet. */
export function newRegion(eip: number, tag: number): Region {
  return {
    eip,
    tag,
    blocks: [],
    learned: new Map(),
    growths: 0,
    entries: new Map(),
    bytes: 0,
    used: 0,
    optimised: false,
  };
}

/** What is being built, and what it was when that began. */
export interface Batch {
  regions: Region[];
  blocks: RegionBlock[][];
  generation: number;
  optimised: boolean;
}

/** A region as those see it who want to look at what is translated. */
export interface RegionView {
  /** EIP of its first block when it was found. */
  readonly eip: number;
  readonly blocks: RegionBlock[];
  /** Ways in. */
  readonly ways: number;
  readonly growths: number;
  /** Of WebAssembly, its share of its modules'. */
  readonly bytes: number;
  /** Whether it was built once more by the second tier. */
  readonly optimised: boolean;
}

/** A placed region as such. */
export function viewOf({ eip, blocks, entries, growths, bytes, optimised }: Region): RegionView {
  return { eip, blocks, ways: entries.size, growths, bytes, optimised };
}

/** What a trace says of a region that was put in place. */
export function describe(region: Region, blocks: RegionBlock[], regions: number): string {
  const instructions = blocks.reduce((n, b) => n + b.instructions.length, 0);
  const what = region.optimised ? "optimised the region" : "region";
  return `${what} at ${region.eip.toString(16)}: ${blocks.length} blocks, ` +
    `${instructions} instructions, ${region.entries.size} ways in, grown ${region.growths} times, ` +
    `${Math.round(region.bytes)} bytes so far; ${regions} regions`;
}
