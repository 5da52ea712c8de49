/** What the translator remembers of blocks for a profile only: why one is not translated, how regions are left. */
import {
  JIT_EXIT_DIRECT,
  JIT_EXIT_INDIRECT,
  JIT_EXIT_RETURN,
  JIT_EXITS,
  JIT_EXITS_ENTRIES,
} from "../../core/wasm/layout.ts";
import type { RegionBlock } from "./region.ts";

/**
 * What became of a block: `entered`, its translation is; `inside`, it is part of a region that is entered
 * elsewhere; `waiting`, its translation is being built; `cold`, it was not met often enough; `refused`, its first instructions are for the interpreter
 * only; `evicted`, its translation had to make room; `overwritten`, its code was.
 */
export type StandingKind =
  | "entered"
  | "inside"
  | "waiting"
  | "cold"
  | "refused"
  | "evicted"
  | "overwritten";

/** Times a region was left for elsewhere, by the kind of jump: estimated from the last ones of each slice. */
export interface RegionExits {
  direct: number;
  indirect: number;
  return: number;
}

export interface Standing {
  /** Its first record. */
  record: number;
  kind: StandingKind;
  /** Times a slice ended there while it was not translated. */
  seen: number;
  /** The region that holds it: EIP and blocks. */
  region: { eip: number; blocks: RegionBlock[] } | null;
  /** Those of the region. */
  exits: RegionExits | null;
}

const KINDS = {
  [JIT_EXIT_DIRECT]: "direct",
  [JIT_EXIT_INDIRECT]: "indirect",
  [JIT_EXIT_RETURN]: "return",
} as const;

export class BlockHistory {
  readonly #notes = new Map<number, StandingKind>();
  readonly #exits = new Map<number, RegionExits>();

  note(record: number, kind: StandingKind): void {
    this.#notes.set(record, kind);
  }

  of(record: number): StandingKind | undefined {
    return this.#notes.get(record);
  }

  exitsOf(region: number): RegionExits | null {
    return this.#exits.get(region) ?? null;
  }

  /**
   * Takes what stands in the ring of exits.
   *
   * @param count exits ever noted there
   * @param fresh how many of them since last time; the ring may hold fewer, which then stand for all
   */
  noteExits(view: DataView, count: number, fresh: number): void {
    const known = Math.min(fresh, JIT_EXITS_ENTRIES);
    for (let n = 1; n <= known; n++) {
      const from = view.getUint32(JIT_EXITS + ((count - n) & (JIT_EXITS_ENTRIES - 1)) * 8, true);
      const region = from & ~31;
      const exits = this.#exits.get(region) ?? { direct: 0, indirect: 0, return: 0 };
      exits[KINDS[(from & 31) as keyof typeof KINDS]] += fresh / known;
      this.#exits.set(region, exits);
    }
  }

  forget(): void {
    this.#notes.clear();
    this.#exits.clear();
  }
}
