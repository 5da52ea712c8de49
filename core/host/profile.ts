/**
 * Profiles: what guest code was run, block by block, interpreted and translated, exactly.
 *
 * A machine made with `profile: true` counts in its translations, and with the module that counts
 * (`loadModule("profile")`) in the interpreter as well; any other machine counts nothing and pays nothing.
 * The counts lie in the core's memory by decoded record (core/wasm/layout.ts, PROFILE): how often the
 * interpreter's block was left at that instruction in each tier, and how often a translation left the
 * instruction to the interpreter. How often each instruction ran follows from that.
 */
import type { Standing } from "../../jit/translator/history.ts";
import {
  MACHINE,
  PAGE_INFO,
  PAGE_INFO_SIZE,
  PROFILE,
  PROFILE_EIP,
  PROFILE_END,
  PROFILE_ENTRY,
  PROFILE_HANDED,
  PROFILE_INTERPRETED,
  PROFILE_TRANSLATED,
  REC_COUNT,
  REC_DELTA,
  REC_LENGTH,
  RECORD_SIZE,
  RECORDS,
} from "../wasm/layout.ts";
import type { Machine } from "./machine.ts";
import { TRACE_CODE, type TraceHub } from "./trace/hub.ts";

/** Milliseconds between two looks at the counts, which have 32 bits. */
const EVERY = 100;
/** The header in front of a block's first record (core/wasm/cpu/code.ts). */
const B_ADDRESS = 0, B_MODE = 8, B_RECORDS = 20, PAGE_INFO_OWNER = 12;
/** Records before that belong to no block that is kept. */
const KEPT = RECORDS + 8 * RECORD_SIZE;

export interface ProfiledInstruction {
  /** Bytes from the block's start, and its own. */
  delta: number;
  length: number;
  /** Times it was run, by tier. */
  interpreted: number;
  translated: number;
  /** Times a translation left it to the interpreter: for a fault, a look at the page tables, written code. */
  handed: number;
}

/** A block as the interpreter has it. */
export interface ProfiledBlock {
  /** The domain that owns its memory; -1 for single instructions that are never kept. */
  domid: number;
  eip: number;
  bytes: Uint8Array;
  /** MODE_* of core/wasm/layout.ts. */
  mode: number;
  instructions: ProfiledInstruction[];
  /** Times it was entered, by tier. */
  interpreted: number;
  translated: number;
  /** Instructions run in it, both tiers together. */
  run: number;
  /** What the translator knows of it now; null where there is no translator, or the block is gone. */
  standing: Standing | null;
}

/** Counts of one block up to now: by record, times left interpreted, left translated, handed over. */
interface Tally {
  domid: number;
  eip: number;
  bytes: Uint8Array;
  mode: number;
  places: { delta: number; length: number }[];
  left: [number, number, number][];
  /** Its first record, as long as it lives. */
  record: number;
}

export class Profile {
  readonly #machine: Machine;
  readonly #unlisten: () => void;
  readonly #tallies = new Map<string, Tally>();
  /** By header, as long as the records live. */
  #known = new Map<number, Tally>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Times that all decoded code was dropped, and that code of some frame was overwritten. */
  dropped = 0;
  overwritten = 0;

  /** Begins to collect the counts of a machine. */
  constructor(machine: Machine, hub: TraceHub) {
    this.#machine = machine;
    this.#unlisten = hub.listen(TRACE_CODE, (_kind, all) => this.#codeDropped(all));
    this.#timer = setInterval(() => this.collect(), EVERY);
    if (typeof Deno !== "undefined") Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Collects no more. */
  stop(): void {
    this.#unlisten();
    clearInterval(this.#timer);
  }

  /** Decoded code is about to be dropped: all of it, or (0) what was decoded from a frame that is written to. */
  #codeDropped(all: number): void {
    if (!all) {
      this.overwritten++;
      return;
    }
    this.collect();
    this.#known = new Map();
    for (const tally of this.#tallies.values()) tally.record = 0;
    this.dropped++;
  }

  /** All blocks run so far, the one in which most instructions ran first. */
  blocks(): ProfiledBlock[] {
    this.collect();
    return [...this.#tallies.values()].map((t) => this.#block(t)).sort((a, b) => b.run - a.run);
  }

  /** Moves the counts out of the core's memory: every now and then, and before a domain's memory goes. */
  collect(): void {
    const buffer = this.#machine.core.exports.memory.buffer as ArrayBuffer;
    const counts = new Uint32Array(buffer, PROFILE, (PROFILE_END - PROFILE) / 4);
    const words = PROFILE_ENTRY / 4;
    for (let at = 0; at < counts.length; at += words) {
      const left = [PROFILE_INTERPRETED, PROFILE_TRANSLATED, PROFILE_HANDED].map((o) =>
        counts[at + o / 4]
      );
      if (!(left[0] | left[1] | left[2])) continue;
      const record = RECORDS + at / words * RECORD_SIZE;
      const { tally, n } = this.#tallyOf(buffer, record, counts[at + PROFILE_EIP / 4]);
      tally.left[n] ??= [0, 0, 0];
      left.forEach((times, how) => tally.left[n][how] += times);
      counts.fill(0, at, at + words);
    }
  }

  /** The block that a record belongs to, and the instruction's number in it. */
  #tallyOf(buffer: ArrayBuffer, record: number, eip: number): { tally: Tally; n: number } {
    const view = new DataView(buffer);
    if (record < KEPT) return { tally: this.#transient(eip), n: 0 };
    const length = (at: number) => view.getUint8(at + REC_LENGTH);
    // the last record of a block that ends with no jump stands for no instruction
    const count = view.getUint8(record + REC_COUNT);
    const header = record - (length(record) ? count : count + 1) * RECORD_SIZE;
    const known = this.#known.get(header);
    if (known) return { tally: known, n: count - 1 };
    const address = Number(view.getBigUint64(header + B_ADDRESS, true));
    const mode = view.getUint32(header + B_MODE, true);
    const places = [];
    for (let n = 1; n <= view.getUint32(header + B_RECORDS, true); n++) {
      const at = header + n * RECORD_SIZE;
      if (length(at)) {
        places.push({ delta: view.getUint16(at + REC_DELTA, true), length: length(at) });
      }
    }
    const last = places[places.length - 1];
    const bytes = new Uint8Array(buffer, MACHINE + address, last.delta + last.length).slice();
    const info = PAGE_INFO + Math.floor(address / 4096) * PAGE_INFO_SIZE;
    const domid = view.getUint32(info + PAGE_INFO_OWNER, true);
    const key = [domid, eip, mode, bytes].join();
    const tally = this.#tallies.get(key) ??
      { domid, eip, bytes, mode, places, left: [], record: 0 };
    tally.record = header + RECORD_SIZE;
    this.#tallies.set(key, tally);
    this.#known.set(header, tally);
    return { tally, n: count - 1 };
  }

  /** Instructions under TF, across a page's end, close to a segment's limit: one for all of them. */
  #transient(eip: number): Tally {
    const none = {
      domid: -1,
      eip,
      bytes: new Uint8Array(),
      mode: 0,
      places: [{ delta: 0, length: 0 }],
      left: [],
      record: 0,
    };
    const tally = this.#tallies.get("") ?? none;
    this.#tallies.set("", tally);
    return tally;
  }

  #block({ domid, eip, bytes, mode, places, left, record }: Tally): ProfiledBlock {
    // who leaves a block at an instruction has run all before it
    let [interpreted, translated] = [0, 0];
    const instructions = places.map((place) => ({
      ...place,
      interpreted: 0,
      translated: 0,
      handed: 0,
    }));
    for (let n = places.length - 1; n >= 0; n--) {
      const [byInterpreter, byTranslation, handed] = left[n] ?? [0, 0, 0];
      interpreted += byInterpreter;
      translated += byTranslation;
      Object.assign(instructions[n], { interpreted: Math.max(0, interpreted), translated, handed });
      // what a translation handed over here it had run up to here
      interpreted -= handed;
      translated += handed;
    }
    return {
      domid,
      eip,
      bytes,
      mode,
      instructions,
      interpreted: Math.max(0, interpreted),
      translated,
      run: instructions.reduce((sum, i) => sum + i.interpreted + i.translated, 0),
      standing: record ? this.#machine.translation.standing(record) : null,
    };
  }
}
