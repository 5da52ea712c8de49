/** The trace while its panel is in sight. */
import { TRACE_KINDS, type TraceOptions } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";
import { TRACE_BITS, TraceRows } from "./trace_rows.ts";

class TraceFeed implements Feed {
  readonly interval = 150;
  #rows: TraceRows | null = null;

  constructor(private readonly subject: Subject) {}

  start(options: unknown): void {
    const { kinds, words, bad } = options as TraceOptions;
    const rows = new TraceRows(this.subject.machine.core, { kinds, words, bad });
    this.#rows = rows;
    let mask = 0;
    for (const kind of TRACE_KINDS) if (kinds.includes(kind)) mask |= TRACE_BITS[kind];
    this.subject.machine.trace(
      mask,
      (kind, ...words) => rows.handle(kind, words.map((w) => w >>> 0)),
    );
  }

  sample(): unknown {
    return this.#rows?.take();
  }

  stop(): void {
    this.subject.machine.trace(0, () => {});
  }
}

export const feed = (subject: Subject): Feed => new TraceFeed(subject);
