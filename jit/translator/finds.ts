/** Blocks found where guests are: how often each was, which region holds it, and when it is worth a region of its own. */

/** So many times as often must a block be found that a region holds already before another begins there. */
const PATIENCE = 50;

/** What holds blocks. */
export interface Holder {
  blocks: readonly { record: number }[];
}

export class Finds<R extends Holder> {
  readonly #hot: number;
  readonly #everything: boolean;
  readonly #times = new Map<number, number>();
  /** By the first records of blocks that regions hold the region that took them in last. */
  readonly #holders = new Map<number, R>();

  /**
   * @param hot times found that make a block worth a region
   * @param everything has those that a region holds wait no longer than others
   */
  constructor(hot: number, everything: boolean) {
    this.#hot = hot;
    this.#everything = everything;
  }

  /** The region that holds the block with this record. */
  holder(record: number): R | undefined {
    return this.#holders.get(record);
  }

  /** How often a block was found since it was last translated, dropped or let go by the region that held it. */
  times(record: number): number {
    return this.#times.get(record) ?? 0;
  }

  /** Notes that a block was found once more. @returns whether that makes it worth a region, which is so once */
  add(record: number): boolean {
    // the interpreter will soon come to where its region can be entered
    const patient = this.#holders.has(record) && !this.#everything;
    const hot = patient ? this.#hot * PATIENCE : this.#hot;
    const times = this.times(record);
    if (times >= hot) return false;
    this.#times.set(record, times + 1);
    return times + 1 === hot;
  }

  /** A block is not what it was: it begins anew. */
  restart(record: number): void {
    this.#times.delete(record);
  }

  /**
   * A region holds these blocks from now on. What it has no longer must not keep it in mind, and begins anew: held, it
   * may have been found more often than it takes now.
   */
  take(region: R, blocks: R["blocks"]): void {
    const before = region.blocks;
    for (const { record } of before) {
      if (this.#holders.get(record) === region) this.#holders.delete(record);
    }
    region.blocks = blocks;
    for (const { record } of blocks) this.#holders.set(record, region);
    for (const { record } of before) if (!this.#holders.has(record)) this.restart(record);
  }

  /** A region is gone, and nothing is known of its blocks any more. */
  drop(region: R): void {
    for (const { record } of region.blocks) {
      this.#holders.delete(record);
      this.restart(record);
    }
  }

  /** All blocks are gone. */
  clear(): void {
    this.#times.clear();
    this.#holders.clear();
  }
}
