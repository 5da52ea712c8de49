/** Counters for the charts. Traps and events are counted only while the charts are in sight. */
import type { Core } from "../../../core/host/core.ts";
import type { TraceEventKind } from "../../../core/host/trace/events.ts";
import type { CounterData } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";

const HISTORY_ENTRIES = 16;
const HISTORY_ENTRY = 32;
const SEQUENCE = 28;

class CounterFeed implements Feed {
  readonly interval = 250;
  #traps = 0;
  #events = 0;
  #end = () => {};

  constructor(private readonly subject: Subject) {}

  start(): void {
    // they are only counted: nothing is put together to be told of
    const count = (kind: TraceEventKind) => {
      if (kind === "trap") this.#traps++;
      else this.#events++;
      return false;
    };
    this.#end = this.subject.machine.subscribe(
      { kinds: ["trap", "event", "upcall"], only: count },
      () => {},
    );
  }

  sample(): CounterData {
    const { machine: { core, translation }, domain } = this.subject;
    return {
      time: performance.now(),
      instructions: core.retired(),
      hypercalls: hypercalls(core, domain.id),
      traps: this.#traps,
      events: this.#events,
      frames: core.exports.domain_frames(domain.id),
      translations: translation.count,
    };
  }

  stop(): void {
    this.#end();
  }
}

/** Hypercalls up to now: the number of the last one in the ring that the core keeps anyway. */
function hypercalls(core: Core, domid: number): number {
  const { trace_history } = core.exports as unknown as { trace_history(domid: number): number };
  const at = trace_history(domid);
  const view = core.view();
  let last = 0;
  for (let i = 0; i < HISTORY_ENTRIES; i++) {
    last = Math.max(last, view.getUint32(at + i * HISTORY_ENTRY + SEQUENCE, true));
  }
  return last;
}

export const feed = (subject: Subject): Feed => new CounterFeed(subject);
