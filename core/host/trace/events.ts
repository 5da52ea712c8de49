/** What happens inside a machine, as objects: what `Machine.subscribe` tells of. */
import type { Core } from "../core.ts";
import { currentVcpu, VcpuView } from "../vcpu_view.ts";
import { showArguments, showOutcome, type WordReader } from "./decode.ts";
import { TRACE_KIND, TRACE_RESULT, type TraceHub } from "./hub.ts";
import { hypercallName, resultName, VECTORS } from "./names.ts";

/** On which vCPU something happened; both are -1 where no guest ran. */
export interface TracePlace {
  /** The domain's number. */
  readonly domain: number;
  /** The vCPU's number in it. */
  readonly vcpu: number;
}

/** A hypercall, told when it has its result. A multicall's entries come before it, one deeper. */
export interface HypercallEvent extends TracePlace {
  /** Tells this event from others. */
  readonly kind: "hypercall";
  /** Its number (public/xen.h, __HYPERVISOR_*). */
  readonly number: number;
  /** The number in words: "mmu_update". */
  readonly name: string;
  /** Five words; a call may use fewer. */
  readonly arguments: readonly number[];
  /** The arguments as people read them: sub-operations by name, structures with their fields. */
  readonly text: string;
  /** 0, a value, or a negative errno; null for a call that did not come back, as it ended its guest. */
  readonly result: number | null;
  /** The result as people read it: "0", "-EINVAL", with what the call wrote. */
  readonly outcome: string;
  /** How many multicalls it lies in. */
  readonly depth: number;
}

/** An exception or a trap. */
export interface TrapEvent extends TracePlace {
  /** Tells this event from others. */
  readonly kind: "trap";
  /** The exception's number: 14 is a page fault. */
  readonly vector: number;
  /** The number in words: "#PF". */
  readonly name: string;
  /** Error code; 0 where the exception has none. */
  readonly error: number;
  /** Code selector of the instruction at fault. */
  readonly cs: number;
  /** Its offset in that segment. */
  readonly eip: number;
  /** CR2; of page faults only. */
  readonly address: number | null;
  /** Given to the guest's handler, done in its place by the hypervisor, or the end of the domain. */
  readonly how: "bounced" | "emulated" | "crashed";
}

/** A callback of the guest's was entered. */
export interface UpcallEvent extends TracePlace {
  /** Tells this event from others. */
  readonly kind: "upcall";
  /** Which of its callbacks. */
  readonly what: "event" | "nmi" | "failsafe";
}

/** A port was made pending, for the vCPU told of. */
export interface PortEvent extends TracePlace {
  /** Tells this event from others. */
  readonly kind: "event";
  /** The guest's own end of the channel. */
  readonly port: number;
}

/** An entry of a page table was written on a guest's behalf. */
export interface MmuEvent extends TracePlace {
  /** Tells this event from others. */
  readonly kind: "mmu";
  /** Machine address of the entry, in bytes. */
  readonly entry: bigint;
  /** What it was to hold. */
  readonly value: bigint;
  /** 1 for a table of pages, 3 for the top one. */
  readonly level: number;
  /** 0, or a negative errno when it was refused. */
  readonly result: number;
}

/** Guest code was translated, or a translation given up. */
export interface JitEvent {
  /** Tells this event from others. */
  readonly kind: "jit";
  /** A line for people: which region, how large, or why not. */
  readonly text: string;
}

/** What is told of. */
export type TraceEvent =
  | HypercallEvent
  | TrapEvent
  | UpcallEvent
  | PortEvent
  | MmuEvent
  | JitEvent;
/** Kinds that can be subscribed to. */
export type TraceEventKind = TraceEvent["kind"];

const BITS: Record<TraceEventKind, number> = {
  hypercall: TRACE_KIND.hypercall,
  trap: TRACE_KIND.trap,
  upcall: TRACE_KIND.event,
  event: TRACE_KIND.event,
  mmu: TRACE_KIND.mmu,
  jit: 0,
};
const HOW = ["bounced", "emulated", "crashed"] as const;
const CALLBACKS = [null, "event", "nmi", "failsafe"] as const;
const PAGE_FAULT = 14;
const MULTICALL = 13;

/** Calls of one vCPU that have no result yet; each in the one before it. The text is null where nobody wants to know. */
type Open = { number: number; args: number[]; text: string | null };

/**
 * Asked before an event is put together, with its kind and a hypercall's number, a trap's vector, a port or a
 * table's level (0 for an upcall): where it says no, nothing is decoded and nothing told.
 */
export type TraceFilter = (kind: TraceEventKind, number: number) => boolean;

/**
 * Listens for events of these kinds.
 *
 * @param only leaves events out
 * @param take is called within the guest's slice: it may ask for what it likes, and should be quick
 * @returns ends it
 */
export function listen(
  hub: TraceHub,
  core: Core,
  kinds: ReadonlySet<TraceEventKind>,
  take: (event: TraceEvent) => void,
  only: TraceFilter = () => true,
): () => void {
  let mask = 0;
  for (const kind of kinds) mask |= BITS[kind];
  if (!mask) return () => {};
  const reader = new Reader(core, take, (kind, number) => kinds.has(kind) && only(kind, number));
  return hub.listen(mask, (kind, ...words) => reader.handle(kind, words.map((w) => w >>> 0)));
}

class Reader {
  #open: Open[] = [];

  constructor(
    private readonly core: Core,
    private readonly take: (event: TraceEvent) => void,
    private readonly only: TraceFilter,
  ) {}

  handle(kind: number, w: number[]): void {
    const now = currentVcpu(this.core) ?? { domid: -1, vcpu: -1 };
    const where = { domain: now.domid, vcpu: now.vcpu };
    switch (kind) {
      case TRACE_KIND.hypercall:
        return this.#begin(where, w[0], w.slice(1));
      case TRACE_RESULT:
        return this.#end(where, w[0], w[1] | 0);
      case TRACE_KIND.trap:
        if (this.only("trap", w[0])) this.take(trap(where, w));
        return;
      case TRACE_KIND.event:
        if (this.only(CALLBACKS[w[0]] ? "upcall" : "event", w[3])) this.take(event(w));
        return;
      case TRACE_KIND.mmu:
        if (!this.only("mmu", w[4])) return;
        return this.take({
          kind: "mmu",
          ...where,
          entry: wide(w[0], w[1]),
          value: wide(w[2], w[3]),
          level: w[4],
          result: w[5] | 0,
        });
    }
  }

  #begin(where: TracePlace, number: number, args: number[]): void {
    // what is open and no multicall did not come back: its guest ended
    while (this.#open.length && this.#open.at(-1)!.number !== MULTICALL) this.#close(where, null);
    const wanted = this.only("hypercall", number);
    const text = wanted ? showArguments(number, args, this.#words(where)) : null;
    this.#open.push({ number, args, text });
  }

  #end(where: TracePlace, number: number, result: number): void {
    while (this.#open.length && this.#open.at(-1)!.number !== number) this.#close(where, null);
    if (this.#open.length) this.#close(where, result);
  }

  #close(where: TracePlace, result: number | null): void {
    const { number, args, text } = this.#open.pop()!;
    if (text === null) return;
    const outcome = result === null
      ? "?"
      : resultName(result) + showOutcome(number, args, result, this.#words(where));
    this.take({
      kind: "hypercall",
      ...where,
      number,
      name: hypercallName(number),
      arguments: args,
      text,
      result,
      outcome,
      depth: this.#open.length,
    });
  }

  #words({ domain, vcpu }: TracePlace): WordReader {
    if (domain < 0) return () => null;
    const view = new VcpuView(this.core, domain, vcpu);
    return (address) => view.readWord(address);
  }
}

function trap(where: TracePlace, [vector, error, cs, eip, address, how]: number[]): TrapEvent {
  return {
    kind: "trap",
    ...where,
    vector,
    name: VECTORS[vector] ?? `vector ${vector}`,
    error,
    cs,
    eip,
    address: vector === PAGE_FAULT ? address : null,
    how: HOW[how],
  };
}

function event([what, domain, vcpu, port]: number[]): UpcallEvent | PortEvent {
  const callback = CALLBACKS[what];
  return callback
    ? { kind: "upcall", domain, vcpu, what: callback }
    : { kind: "event", domain, vcpu, port };
}

const wide = (low: number, high: number): bigint => BigInt(high) << 32n | BigInt(low);
