/** The trace while its panel is in sight. */
import type { TraceEventKind } from "../../../core/host/trace/events.ts";
import type { TraceData, TraceKind, TraceOptions } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";
import { TraceRows } from "./trace_rows.ts";

/** What the machine tells of for each kind of row. */
export const EVENT_KINDS: Record<TraceKind, TraceEventKind[]> = {
  hypercall: ["hypercall"],
  trap: ["trap"],
  event: ["event", "upcall"],
  mmu: ["mmu"],
};

class TraceFeed implements Feed {
  readonly interval = 150;
  #rows: TraceRows | null = null;
  #end = () => {};

  constructor(private readonly subject: Subject) {}

  start(options: unknown): void {
    this.stop();
    const rows = this.#rows = new TraceRows(options as TraceOptions);
    const kinds = (options as TraceOptions).kinds.flatMap((kind) => EVENT_KINDS[kind]);
    this.#end = this.subject.machine.subscribe({ kinds, only: rows.hasTime }, rows.add);
  }

  sample(): TraceData | undefined {
    return this.#rows?.take();
  }

  stop(): void {
    this.#end();
  }
}

export const feed = (subject: Subject): Feed => new TraceFeed(subject);
