/** The core's trace calls as rows for a table: hypercalls with their results, traps, events, entries. */
import type { Core } from "../../../core/host/core.ts";
import { showArguments, showOutcome, type WordReader } from "../../../core/host/trace/decode.ts";
import { hex, hypercallName, resultName, VECTORS } from "../../../core/host/trace/names.ts";
import { currentVcpu, VcpuView } from "../../../core/host/vcpu_view.ts";
import type { TraceKind, TraceOptions, TraceRow } from "../../feeds.ts";

// Kinds and details of core/wasm/trace.ts.
export const TRACE_BITS: Record<TraceKind, number> = { hypercall: 1, trap: 2, event: 4, mmu: 8 };
export const RESULT = 0x101;
const MULTICALL = 13;
const TRAP_ENDS = ["to the guest", "emulated", "nowhere to deliver it: crash"];
const TRAP_CRASHED = 2;
const EVENTS = ["pending", "upcall", "NMI callback", "failsafe callback"];
const EVENT_SENT = 0;

/** Rows that a batch may have: so many more each time, up to a burst that a command at a prompt makes. */
const ROWS = 40;
const BURST = 300;
/** Rows in a batch that are put into words to see whether they pass the filter. */
const LOOKS = 1500;

interface OpenCall {
  nr: number;
  args: number[];
  /** null where the filter left it out, or there was no time for it. */
  row: TraceRow | null;
}

export class TraceRows {
  #rows: TraceRow[] = [];
  #seen = 0;
  #looks = 0;
  #room = BURST;
  #skipped = 0;
  #n = 0;
  readonly #open: OpenCall[] = [];

  constructor(private readonly core: Core, private readonly options: TraceOptions) {}

  /** Takes one call of env.trace. */
  handle(kind: number, w: number[]): void {
    if (kind === TRACE_BITS.hypercall) this.#call(w[0], w.slice(1));
    else if (kind === RESULT) this.#result(w[0], w[1]);
    else if (kind === TRACE_BITS.trap) this.#trap(w);
    else if (kind === TRACE_BITS.event) this.#event(w);
    else if (kind === TRACE_BITS.mmu) this.#mmu(w);
  }

  /** The rows since this was last asked. */
  take(): { rows: TraceRow[]; seen: number; skipped: number } | undefined {
    if (this.#seen === 0) {
      this.#room = BURST;
      return undefined;
    }
    // What is still open is told of now, without a result: it may never come back.
    const rows = this.options.bad ? this.#rows.filter((row) => row.bad) : this.#rows;
    const taken = { rows, seen: this.#seen, skipped: this.#skipped };
    this.#room = Math.min(BURST, this.#room - this.#rows.length + ROWS);
    this.#rows = [];
    this.#seen = this.#looks = this.#skipped = 0;
    this.#open.length = 0;
    return taken;
  }

  #call(nr: number, args: number[]): void {
    const outer = this.#open.at(-1);
    // only a multicall has others in it: any other that is open did not come back
    if (outer && outer.nr !== MULTICALL) this.#open.length = 0;
    const reader = this.#reader();
    const row = this.#add(
      "hypercall",
      () => hypercallName(nr),
      () => showArguments(nr, args, reader),
      "",
      false,
    );
    if (row) row.depth = this.#open.length;
    this.#open.push({ nr, args, row });
  }

  #result(nr: number, result: number): void {
    while (this.#open.length > 0 && this.#open.at(-1)!.nr !== nr) this.#open.pop();
    const call = this.#open.pop();
    if (!call?.row) return;
    const n = result | 0;
    call.row.result = resultName(n) + showOutcome(nr, call.args, n, this.#reader());
    call.row.bad = n < 0 && n > -4096;
  }

  #trap([vector, error, cs, eip, address, how]: number[]): void {
    const fault = vector === 14 ? `, address ${hex(address)}` : "";
    this.#add(
      "trap",
      () => VECTORS[vector] ?? `vector ${hex(vector)}`,
      () => `error ${hex(error)} at ${hex(cs)}:${hex(eip)}${fault}`,
      TRAP_ENDS[how] ?? String(how),
      how === TRAP_CRASHED,
    );
  }

  #event([what, domid, vcpu, port]: number[]): void {
    this.#add(
      "event",
      () => EVENTS[what] ?? `event ${what}`,
      () => (what === EVENT_SENT ? `port ${port} for d${domid}v${vcpu}` : `of d${domid}v${vcpu}`),
      "",
      false,
    );
  }

  #mmu(w: number[]): void {
    this.#add(
      "mmu",
      () => `L${w[4]} entry`,
      () => `at ${wide(w[0], w[1])} := ${wide(w[2], w[3])}`,
      resultName(w[5]),
      (w[5] | 0) < 0,
    );
  }

  #add(
    kind: TraceKind,
    name: () => string,
    details: () => string,
    result: string,
    bad: boolean,
  ): TraceRow | null {
    this.#seen++;
    this.#n++;
    if (this.#looks === LOOKS || this.#rows.length >= this.#room) {
      this.#skipped++;
      return null;
    }
    this.#looks++;
    const now = currentVcpu(this.core);
    const row: TraceRow = {
      n: this.#n,
      kind,
      vcpu: now ? `d${now.domid}v${now.vcpu}` : "xen",
      depth: 0,
      name: name(),
      details: details(),
      result,
      bad,
    };
    if (!passes(`${row.name} ${row.details}`.toLowerCase(), this.options.words)) return null;
    this.#rows.push(row);
    return row;
  }

  #reader(): WordReader {
    const now = currentVcpu(this.core);
    if (!now) return () => null;
    const view = new VcpuView(this.core, now.domid, now.vcpu);
    return (address) => view.readWord(address);
  }
}

function passes(text: string, words: string[]): boolean {
  return words.every((word) =>
    word.startsWith("-") && word.length > 1 ? !text.includes(word.slice(1)) : text.includes(word)
  );
}

function wide(low: number, high: number): string {
  return `0x${(BigInt(high) << 32n | BigInt(low)).toString(16)}`;
}
