/**
 * The translator: finds hot blocks by looking where slices end, and replaces their handlers by
 * functions compiled for them.
 *
 * Reading order: this file, region.ts (what is translated together), binding.ts (where operands are),
 * build.ts (the module around it).
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
import { buildRegions } from "./build.ts";
import { findRegion, handlerCount, type RegionBlock, type Translated } from "./region.ts";

/** What the translator needs of the core's exports: helpers and roads by name, memory, handlers. */
export interface TranslatorCore {
  readonly memory: WebAssembly.Memory;
  readonly handlers: WebAssembly.Table;
  /** Counts how often all decoded code was dropped. */
  code_generation(): number;
}

/** Slice ends at a block that make it hot. */
const HOT = 2;
/** Translations that may be alive at once. */
const MOST = 4096;

export class Translator {
  readonly #core: TranslatorCore;
  readonly #hits = new Map<number, number>();
  readonly #translated: Translated = new Map();
  #generation: number;
  #used = 0;

  constructor(core: TranslatorCore) {
    this.#core = core;
    this.#generation = core.code_generation();
  }

  /** Regions translated since decoded code was last dropped. */
  get count(): number {
    return this.#translated.size;
  }

  /** Looks at where the slice that has just ended left the guest; translates what is hot. */
  sample(): void {
    if (this.#core.code_generation() !== this.#generation) this.#forget();
    const view = new DataView(this.#core.memory.buffer);
    const record = currentRecord(view);
    if (!record || this.#isTranslated(view, record)) return;
    const hits = (this.#hits.get(record) ?? 0) + 1;
    this.#hits.set(record, hits);
    if (hits < HOT || this.#used >= MOST) return;
    this.#hits.delete(record);
    const region = findRegion(view, record, this.#translated);
    if (region) this.#translate(view, record, region);
  }

  /** Whether the record has its translation still: overwritten code has lost it. */
  #isTranslated(view: DataView, record: number): boolean {
    if (view.getUint32(record + REC_HANDLER, true) >= handlerCount()) return true;
    this.#translated.delete(record);
    return false;
  }

  #translate(view: DataView, record: number, region: RegionBlock[]): void {
    const module = new WebAssembly.Module(buildRegions([region]));
    const imports = { env: this.#core as unknown as WebAssembly.ModuleImports };
    const { exports } = new WebAssembly.Instance(module, imports);
    const number = handlerCount() + this.#used++;
    const table = this.#core.handlers;
    if (table.length <= number) table.grow(Math.max(64, number + 1 - table.length));
    table.set(number, exports["0"] as CallableFunction);
    this.#translated.set(record, view.getUint32(record + REC_HANDLER, true));
    view.setUint32(record + REC_HANDLER, number, true);
  }

  /** All records are gone, and with them every way to a translation. */
  #forget(): void {
    this.#generation = this.#core.code_generation();
    this.#hits.clear();
    this.#translated.clear();
    this.#used = 0;
  }
}

/** The record that the guest goes on with, by the jump cache; 0 if it is not there. */
function currentRecord(view: DataView): number {
  const eip = view.getUint32(CPU + C_EIP, true);
  const slot = ((eip ^ (eip >>> 12)) & (JUMP_CACHE_ENTRIES - 1)) * 16 + JUMP_CACHE;
  if (view.getUint32(slot + JUMP_EIP, true) !== eip) return 0;
  if (view.getUint32(slot + JUMP_TAG, true) !== view.getUint32(CPU + C_JUMP_TAG, true)) return 0;
  return view.getUint32(slot + JUMP_RECORD, true);
}
