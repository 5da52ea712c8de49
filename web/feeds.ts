/** What each panel is fed with: the data of "feed" messages, and the options of "watch". */

/** A line of the trace. */
export interface TraceRow {
  /** Counts rows from 1, also those that were left out. */
  n: number;
  kind: TraceKind;
  vcpu: string;
  /** How deep it lies in multicalls. */
  depth: number;
  name: string;
  details: string;
  /** Empty where there is none. */
  result: string;
  /** The result is an error, or the trap ended the guest. */
  bad: boolean;
}

export const TRACE_KINDS = ["hypercall", "trap", "event", "mmu"] as const;
export type TraceKind = typeof TRACE_KINDS[number];

export interface TraceOptions {
  kinds: TraceKind[];
  /** Words that a row's name and details must all have; a word with `-` in front, that they must not. */
  words: string[];
  /** Only what failed. */
  bad: boolean;
}

export interface TraceData {
  rows: TraceRow[];
  /** What happened since the last message, and of that what was not looked at for want of time. */
  seen: number;
  skipped: number;
}

/** Counts since the machine began, and where it stands. */
export interface CounterData {
  /** ms, of the worker's clock. */
  time: number;
  instructions: number;
  hypercalls: number;
  traps: number;
  events: number;
  /** Frames that the guest has. */
  frames: number;
  /** Ways into translated code. */
  translations: number;
}
