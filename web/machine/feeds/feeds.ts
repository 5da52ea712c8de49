/**
 * What panels are fed with. A feed is loaded when its panel is first in sight, sampled at its own
 * pace while it stays there, and stopped when it goes.
 */
import type { Domain } from "../../../core/host/domain.ts";
import type { Machine } from "../../../core/host/machine.ts";
import type { FeedName } from "../../protocol.ts";
import type { Post } from "../guest.ts";

/** A machine and the guest in it. */
export interface Subject {
  machine: Machine;
  domain: Domain;
}

/** A source of one panel's contents. */
export interface Feed {
  /** Milliseconds between samples. */
  readonly interval: number;
  /** Begins, or goes on with other options. */
  start?(options: unknown): void;
  /** What the panel is to show now; undefined for nothing new. */
  sample(): unknown;
  /** Answers a question of the panel's. */
  answer?(question: unknown): unknown;
  /** Called before each slice of guest code. */
  beforeSlice?(): void;
  stop?(): void;
}

export type FeedMaker = (subject: Subject) => Feed;

const LOADERS: Record<FeedName, () => Promise<{ feed: FeedMaker }>> = {
  processor: () => import("./processor.ts"),
  hypercalls: () => import("./hypercalls.ts"),
  memory: () => import("./memory.ts"),
  events: () => import("./events.ts"),
  descriptors: () => import("./descriptors.ts"),
  blocks: () => import("./blocks.ts"),
  counters: () => import("./counters.ts"),
};

interface Watched {
  options: unknown;
  feed: Feed | null;
  timer: ReturnType<typeof setInterval> | undefined;
}

export class Feeds {
  #subject: Subject | null = null;
  readonly #watched = new Map<FeedName, Watched>();

  constructor(private readonly post: Post) {}

  /** There is a guest now. @returns settles when what is watched is there to see its first instruction */
  async attach(machine: Machine, domain: Domain): Promise<void> {
    this.#subject = { machine, domain };
    await Promise.all([...this.#watched.keys()].map((name) => this.#start(name)));
  }

  watch(name: FeedName, options: unknown): void {
    const before = this.#watched.get(name);
    if (before) {
      before.options = options;
      before.feed?.start?.(options);
      return;
    }
    this.#watched.set(name, { options, feed: null, timer: undefined });
    this.#start(name);
  }

  unwatch(name: FeedName): void {
    const watched = this.#watched.get(name);
    this.#watched.delete(name);
    clearInterval(watched?.timer);
    watched?.feed?.stop?.();
  }

  /** Something changed that a panel would not notice for a while. */
  refresh(): void {
    for (const name of this.#watched.keys()) this.#sample(name);
  }

  beforeSlice(): void {
    for (const { feed } of this.#watched.values()) feed?.beforeSlice?.();
  }

  async ask(id: number, name: FeedName, question: unknown): Promise<void> {
    try {
      const value = await this.#watched.get(name)?.feed?.answer?.(question);
      this.post({ type: "answer", id, value });
    } catch (error) {
      this.post({ type: "answer", id, value: undefined, error: String(error) });
    }
  }

  async #start(name: FeedName): Promise<void> {
    const watched = this.#watched.get(name);
    const loader = LOADERS[name];
    if (!this.#subject || !watched) return;
    let make: FeedMaker;
    try {
      make = (await loader()).feed;
    } catch (error) {
      this.post({ type: "log", lines: [`the panel ${name} has nothing to show: ${error}`] });
      return;
    }
    // it may have gone out of sight meanwhile
    if (this.#watched.get(name) !== watched || watched.feed) return;
    const feed = make(this.#subject);
    watched.feed = feed;
    feed.start?.(watched.options);
    watched.timer = setInterval(() => this.#sample(name), feed.interval);
    this.#sample(name);
  }

  #sample(name: FeedName): void {
    const data = this.#watched.get(name)?.feed?.sample();
    if (data !== undefined) this.post({ type: "feed", feed: name, data });
  }
}
