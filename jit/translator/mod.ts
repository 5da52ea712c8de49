/**
 * The translator: finds hot blocks by looking where slices end, and replaces their handlers by
 * functions compiled for them in a worker.
 *
 * Reading order: this file, region.ts (what is translated together), state.ts and binding.ts (where operands are),
 * build.ts (the module around it), builder.ts and worker.ts (where it is built).
 */
import {
  C_EIP,
  C_JUMP_TAG,
  CPU,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  REC_HANDLER,
} from "../../core/wasm/layout.ts";
import { type Builder, WorkerBuilder } from "./builder.ts";
import { findRegion, handlerCount, type RegionBlock, type Translated } from "./region.ts";

/** What the translator needs of the core's exports: helpers and roads by name, memory, handlers. */
export interface TranslatorCore {
  readonly memory: WebAssembly.Memory;
  readonly handlers: WebAssembly.Table;
  /** Counts how often all decoded code was dropped. */
  code_generation(): number;
}

/** Translations that may be alive at once. */
const MOST = 4096;

/** A region on its way through the builder: its blocks. */
type Candidate = RegionBlock[];

/** How eager a translator is, and who builds for it. */
export interface TranslatorOptions {
  builder?: Builder;
  /** Slice ends at a block that make it hot; 2 when not given. */
  hot?: number;
}

export class Translator {
  readonly #core: TranslatorCore;
  readonly #builder: Builder;
  readonly #hot: number;
  readonly #hits = new Map<number, number>();
  readonly #translated: Translated = new Map();
  #generation: number;
  /** First records of blocks that some region holds. */
  readonly #members = new Set<number>();
  #used = 0;
  #waiting: Candidate[] = [];
  #building = false;
  #failure = "";

  constructor(core: TranslatorCore, options: TranslatorOptions = {}) {
    this.#core = core;
    this.#builder = options.builder ?? new WorkerBuilder();
    this.#hot = options.hot ?? 2;
    this.#generation = core.code_generation();
  }

  /** Regions translated since decoded code was last dropped. */
  get count(): number {
    return this.#translated.size;
  }

  /** Why no more is translated, "" while all is well. */
  get failure(): string {
    return this.#failure;
  }

  /** Looks at where the slice that has just ended left the guest; has translated what is hot. */
  sample(): void {
    if (this.#failure) return;
    if (this.#core.code_generation() !== this.#generation) this.#forget();
    const view = new DataView(this.#core.memory.buffer);
    const eip = view.getUint32(CPU + C_EIP, true);
    const record = knownRecord(view, eip);
    if (!record || this.#isTranslated(view, record)) return;
    // the interpreter will soon come to where its region can be entered
    if (this.#members.has(record) && (this.#hits.get(record) ?? 0) >= this.#hot) return;
    const hits = (this.#hits.get(record) ?? 0) + 1;
    this.#hits.set(record, hits);
    if (hits !== this.#hot || this.#used >= MOST) return;
    const find = (offset: number) => knownRecord(view, (eip + offset) >>> 0);
    const region = findRegion(view, record, eip & 0xfff, this.#translated, find);
    if (!region) return;
    for (const block of region) this.#members.add(block.record);
    this.#waiting.push(region);
    this.#build();
  }

  /** Translates no more. */
  stop(): void {
    this.#builder.stop();
  }

  /** Whether the record has its translation still: overwritten code has lost it. */
  #isTranslated(view: DataView, record: number): boolean {
    if (view.getUint32(record + REC_HANDLER, true) >= handlerCount()) return true;
    if (this.#translated.delete(record)) this.#hits.delete(record);
    return false;
  }

  /** Has built all that waits, unless something is being built. */
  #build(): void {
    if (this.#building || !this.#waiting.length) return;
    this.#building = true;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#builder.build(batch, (module, problem) => {
      this.#building = false;
      this.#failure = problem;
      if (module) this.#install(batch, module);
      this.#build();
    });
  }

  /** Puts functions in the place of handlers, where the code is still what was translated. */
  #install(candidates: Candidate[], module: WebAssembly.Module): void {
    if (this.#core.code_generation() !== this.#generation) return;
    const view = new DataView(this.#core.memory.buffer);
    const imports = { env: this.#core as unknown as WebAssembly.ModuleImports };
    const { exports } = new WebAssembly.Instance(module, imports);
    const table = this.#core.handlers;
    for (const [name, entry] of Object.entries(exports)) {
      const [region, block] = name.split(".").map(Number);
      const { record, instructions: [{ number: handler }] } = candidates[region][block];
      // overwritten meanwhile, or the way into another region
      if (view.getUint32(record + REC_HANDLER, true) !== handler) continue;
      const number = handlerCount() + this.#used++;
      if (table.length <= number) table.grow(Math.max(64, number + 1 - table.length));
      table.set(number, entry as CallableFunction);
      this.#translated.set(record, handler);
      view.setUint32(record + REC_HANDLER, number, true);
    }
  }

  /** All records are gone, and with them every way to a translation. */
  #forget(): void {
    this.#generation = this.#core.code_generation();
    this.#hits.clear();
    this.#members.clear();
    this.#translated.clear();
    this.#waiting = [];
    this.#used = 0;
  }
}

/** The record of the block at an EIP, by the jump cache; 0 if it is not there. */
function knownRecord(view: DataView, eip: number): number {
  const slot = ((eip ^ (eip >>> 12)) & (JUMP_CACHE_ENTRIES - 1)) * 16 + JUMP_CACHE;
  if (view.getUint32(slot + JUMP_EIP, true) !== eip) return 0;
  if (view.getUint32(slot + JUMP_TAG, true) !== view.getUint32(CPU + C_JUMP_TAG, true)) return 0;
  return view.getUint32(slot + JUMP_RECORD, true);
}
