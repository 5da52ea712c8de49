/**
 * The second tier's choice: regions found running again and again since they were put in place are built once
 * more, optimised. One that grows begins anew. The first tier goes on meanwhile, and what it has put in place
 * is run until the better is there; where Binaryen is not to be had, for ever.
 */
import type { Builder } from "../translator/builder.ts";
import type { RegionBlock } from "../translator/region.ts";

/**
 * Times that a region was found running: a slice's worth of code, about a millisecond, ended in it, or the core let
 * the guest go on in it again and again since the one before.
 */
const MANY = 200;
/** After so many slices those before count half: what is seldom run never gets there, however long it is run. */
const HALF_LIFE = 2000;
/**
 * Milliseconds since the translator was made before which nothing is optimised: to load Binaryen takes two seconds of
 * a core and 120 MiB, which a guest that only boots and waits should not cost.
 */
const PATIENCE = 3000;
/** Instructions of a region, and of a module: some passes take more than in proportion. */
const LARGEST_REGION = 600;
const LARGEST_MODULE = 1200;

/** What is optimised. */
export interface Candidate {
  /** Other blocks are another translation. */
  readonly blocks: RegionBlock[];
}

export interface SecondTierOptions {
  /** Who builds and optimises. */
  builder: Builder;
  /**
   * Times found running that make a region worth it; 200, and none in the first three seconds, when not given. 0 has all of them
   * optimised at once, for tests.
   */
  many?: number;
}

export class SecondTier<R extends Candidate> {
  readonly builder: Builder;
  readonly #many: number;
  /** By translation in place how often it was found running, as of which slice. */
  readonly #heat = new WeakMap<RegionBlock[], { times: number; at: number }>();
  readonly #ready = new Set<R>();
  #slices = 0;
  /** When the first may be taken, as performance.now() has it. */
  readonly #begins: number;

  constructor({ builder, many }: SecondTierOptions) {
    this.builder = builder;
    this.#many = many ?? MANY;
    this.#begins = many === undefined ? performance.now() + PATIENCE : 0;
  }

  /** The first tier has put a region's present blocks in place. */
  placed(region: R): void {
    if (sizeOf(region.blocks) > LARGEST_REGION) return;
    this.#heat.set(region.blocks, { times: 0, at: this.#slices });
    if (!this.#many) this.#ready.add(region);
  }

  /** A slice has ended, wherever. */
  sliced(): void {
    this.#slices++;
  }

  /** A region was found running. */
  met(region: R): void {
    const heat = this.#heat.get(region.blocks);
    if (!heat) return; // optimised, too large, or not yet in place
    heat.times = heat.times * 0.5 ** ((this.#slices - heat.at) / HALF_LIFE) + 1;
    heat.at = this.#slices;
    if (heat.times >= this.#many) this.#ready.add(region);
  }

  /** @returns what is to be optimised now, as one module; it is not named again before it has grown */
  take(): R[] {
    const taken: R[] = [];
    if (performance.now() < this.#begins) return taken;
    let size = 0;
    for (const region of this.#ready) {
      const more = sizeOf(region.blocks);
      if (size + more > LARGEST_MODULE) break;
      this.#ready.delete(region);
      // grown since
      if (!this.#heat.delete(region.blocks)) continue;
      taken.push(region);
      size += more;
    }
    return taken;
  }

  /** All translations are gone. */
  forget(): void {
    this.#ready.clear();
  }
}

function sizeOf(blocks: readonly RegionBlock[]): number {
  return blocks.reduce((n, b) => n + b.instructions.length, 0);
}
