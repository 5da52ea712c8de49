/** The machine's trace as rows for a table: filtered by words, and no more than a page can show. */
import { hex, resultName } from "../../../core/host/trace/names.ts";
import type { TraceEvent } from "../../../core/host/trace/events.ts";
import type { TraceData, TraceOptions, TraceRow } from "../../feeds.ts";

const TRAP_ENDS = {
  bounced: "to the guest",
  emulated: "emulated",
  crashed: "nowhere to deliver it: crash",
};

/** Rows that a batch may have: so many more each time, up to a burst that a command at a prompt makes. */
const ROWS = 40;
const BURST = 300;
/** Events in a batch that are put into words to see whether they pass the filter. */
const LOOKS = 1500;

export class TraceRows {
  #rows: TraceRow[] = [];
  /** Entries of a multicall, of which is told before it. */
  #inner: TraceRow[] = [];
  #seen = 0;
  #looks = 0;
  #room = BURST;
  #skipped = 0;
  #n = 0;

  constructor(private readonly options: TraceOptions) {}

  /** Whether there is time for one more event: to be asked before it is put together. */
  readonly hasTime = (): boolean => {
    this.#seen++;
    const full = this.#rows.length + this.#inner.length >= this.#room;
    if (!full && this.#looks++ < LOOKS) return true;
    this.#skipped++;
    this.#n++;
    return false;
  };

  /** Takes an event. */
  readonly add = (event: TraceEvent): void => {
    const row = rowOf(event);
    if (!row) return;
    const { words, bad } = this.options;
    const wanted = (!bad || row.bad) && passes(`${row.name} ${row.details}`.toLowerCase(), words);
    if (row.depth > 0) {
      this.#inner.push({ ...row, n: wanted ? 0 : -1 });
      return;
    }
    this.#place(row, wanted);
    // a call and what lay in it, in the order in which they were begun
    for (const inner of this.#inner.splice(0)) this.#place(inner, inner.n === 0);
  };

  #place(row: TraceRow, wanted: boolean): void {
    this.#n++;
    if (wanted) this.#rows.push({ ...row, n: this.#n });
  }

  /** What has happened since this was last asked; undefined for nothing. */
  take(): TraceData | undefined {
    if (this.#seen === 0) {
      this.#room = BURST;
      return undefined;
    }
    const taken = { rows: this.#rows, seen: this.#seen, skipped: this.#skipped };
    this.#room = Math.min(BURST, this.#room - this.#rows.length + ROWS);
    this.#rows = [];
    this.#seen = this.#looks = this.#skipped = 0;
    return taken;
  }
}

/** An event in words. */
function rowOf(event: TraceEvent): TraceRow | null {
  if (event.kind === "jit") return null;
  const { domain, vcpu } = event;
  const row = {
    n: 0,
    vcpu: domain < 0 ? "xen" : `d${domain}v${vcpu}`,
    depth: 0,
    result: "",
    bad: false,
  };
  switch (event.kind) {
    case "hypercall": {
      const { name, text: details, outcome: result, depth } = event;
      return { ...row, kind: "hypercall", name, details, result, depth, bad: failed(event.result) };
    }
    case "trap": {
      const { name, error, cs, eip, address, how } = event;
      const fault = address === null ? "" : `, address ${hex(address)}`;
      const details = `error ${hex(error)} at ${hex(cs)}:${hex(eip)}${fault}`;
      const bad = how === "crashed";
      return { ...row, kind: "trap", name, details, result: TRAP_ENDS[how], bad };
    }
    case "event":
      return { ...row, kind: "event", name: "pending", details: `port ${event.port}` };
    case "upcall":
      return { ...row, kind: "event", name: `${event.what} callback`, details: "" };
    case "mmu": {
      const { level, entry, value, result } = event;
      const details = `at 0x${entry.toString(16)} := 0x${value.toString(16)}`;
      const name = `L${level} entry`;
      return { ...row, kind: "mmu", name, details, result: resultName(result), bad: result < 0 };
    }
  }
}

/** A result that is an errno. */
function failed(result: number | null): boolean {
  return result !== null && result < 0 && result > -4096;
}

function passes(text: string, words: string[]): boolean {
  return words.every((word) =>
    word.startsWith("-") && word.length > 1 ? !text.includes(word.slice(1)) : text.includes(word)
  );
}
