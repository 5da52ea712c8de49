/**
 * The translator: finds hot blocks by looking where slices end, and replaces their handlers by
 * functions compiled for them in a worker.
 *
 * Reading order: this file with options.ts, placed.ts, finds.ts, known.ts and rings.ts (what it goes by), region.ts (what is
 * translated together), structure.ts (how its blocks are nested), state.ts, local_context.ts, written_back.ts,
 * operands.ts, access.ts (with micro.ts, groups.ts, runs.ts) and binding.ts (what becomes of an instruction), build.ts
 * (the module around it), builder.ts and worker.ts (where it is built); ../optimiser, which builds the hottest once more.
 * docs/performance.md is the guided tour.
 */
import { C_EIP, CPU, REC_HANDLER } from "../../core/wasm/layout.ts";
import { SecondTier } from "../optimiser/tier.ts";
import { type Builder, WorkerBuilder } from "./builder.ts";
import { BlockHistory, type Standing } from "./history.ts";
import { Finds } from "./finds.ts";
import { currentTag, knownBlocks, knownRecord } from "./known.ts";
import type { TranslatorCore, TranslatorOptions } from "./options.ts";
import { type Batch, describe, newRegion, type Region, type RegionView, viewOf } from "./placed.ts";
import { findRegion, handlerCount, type Translated } from "./region.ts";
import { exitsSince, resumesSince } from "./rings.ts";
import { learnTables } from "./tables.ts";

export type { TranslatorCore, TranslatorOptions } from "./options.ts";
export type { RegionView } from "./placed.ts";

/** Bytes of modules that may be alive at once. What V8 makes of them is some times larger. */
const MEMORY = 8 << 20;
/** So often a region is built anew with what it was left for; where all is translated. */
const GROWTHS = 10;
const GROWTHS_OF_ALL = 2;
/** Exits of regions in a slice, and to one place among the last ones, that are worth growing for. */
const MANY_EXITS = 100;
const MANY_ALIKE = 8;

/** So often among the last places where the core let the guest go on: as good as a slice's end there. */
const MANY_RESUMES = 3;

export class Translator {
  readonly #core: TranslatorCore;
  readonly #builder: Builder;
  readonly #everything: boolean;
  readonly #manyExits: number;
  readonly #manyAlike: number;
  readonly #finds: Finds<Region>;
  readonly #translated: Translated = new Map();
  readonly #regions = new Map<number, Region>();
  #generation: number;
  /** Blocks decoded when all were last noted, by the tag of address space and mode. */
  readonly #noted = new Map<number, number>();
  /** Numbers in the function table that were given out, and those that are free again. */
  #used = 0;
  readonly #free: number[] = [];
  readonly #memory: number;
  readonly #tell: (line: string) => void;
  /** For a profile. */
  readonly #history: BlockHistory | null;
  #bytes = 0;
  #batches = 0;
  #exits = 0;
  #resumes = 0;
  #waiting = new Set<Region>();
  #building: Batch | null = null;
  #second: SecondTier<Region> | null;
  #optimising = false;
  #failure = "";

  constructor(core: TranslatorCore, options: TranslatorOptions = {}) {
    this.#core = core;
    this.#builder = options.builder ?? new WorkerBuilder(options.profile);
    this.#everything = options.everything ?? false;
    this.#finds = new Finds(options.hot ?? 2, this.#everything);
    this.#manyExits = options.exits ?? MANY_EXITS;
    this.#manyAlike = options.alike ?? MANY_ALIKE;
    this.#memory = options.memory ?? MEMORY;
    this.#tell = options.tell ?? (() => {});
    this.#history = options.profile ? new BlockHistory() : null;
    this.#second = options.second ? new SecondTier(options.second) : null;
    this.#generation = core.code_generation();
    // handlers are known by their numbers, and a module with 64-bit code has others
    if (core.handlers.length !== handlerCount()) this.#failure = "the module has other handlers";
  }

  /** Ways into translations since decoded code was last dropped. */
  get count(): number {
    return this.#translated.size;
  }

  /** Why no more is translated, "" while all is well. */
  get failure(): string {
    return this.#failure;
  }

  /** What is translated now. The blocks are the translator's own: to be looked at only. */
  regions(): RegionView[] {
    const placed = [...this.#regions.values()].filter(({ entries }) => entries.size > 0);
    return placed.map(viewOf);
  }

  /** Looks at where the slice that has just ended left the guest; has translated what is hot. */
  sample(): void {
    if (this.#failure) return;
    if (this.#core.code_generation() !== this.#generation) this.#forget();
    const view = new DataView(this.#core.memory.buffer);
    this.#second?.sliced();
    this.#growRegions(view);
    if (this.#everything) this.#noteAll(view);
    this.#note(view, view.getUint32(CPU + C_EIP, true), currentTag(view));
    this.#noteResumed(view);
    this.#build();
    this.#optimise();
  }

  /** Has translated the block that is about to be run, which TRACE_BLOCK (core/wasm/trace.ts) tells of. */
  meet(): void {
    if (this.#failure) return;
    if (this.#core.code_generation() !== this.#generation) this.#forget();
    const view = new DataView(this.#core.memory.buffer);
    this.#note(view, view.getUint32(CPU + C_EIP, true), currentTag(view));
    this.#build();
  }

  /** What became of the block at a record, and its region's blocks; where the translator was made for a profile. */
  standing(record: number): Standing {
    const view = new DataView(this.#core.memory.buffer);
    const entered = this.#isTranslated(view, record);
    const member = entered || this.#finds.holder(record) !== undefined;
    const holds = (r: Region) =>
      r.entries.has(record) || r.blocks.some((block) => block.record === record);
    const region = member ? [...this.#regions.values()].find(holds) : undefined;
    return {
      record,
      kind: entered
        ? "entered"
        : region?.entries.size
        ? "inside"
        : region
        ? "waiting"
        : this.#history?.of(record) ?? "cold",
      seen: this.#finds.times(record),
      region: region ? { eip: region.eip, blocks: region.blocks } : null,
      exits: region ? this.#history?.exitsOf(region.blocks[0].record) ?? null : null,
    };
  }

  /** Translates no more. */
  stop(): void {
    this.#builder.stop();
    this.#second?.builder.stop();
    this.#second = null;
  }

  /** All blocks that the interpreter knows of in this address space and mode, if there are new ones. */
  #noteAll(view: DataView): void {
    const tag = currentTag(view);
    const made = this.#core.code_made();
    if (this.#noted.get(tag) === made) return;
    this.#noted.set(tag, made);
    for (const [eip, record] of knownBlocks(view, tag)) {
      // what a region holds needs none of its own
      if (!this.#finds.holder(record)) this.#note(view, eip, tag);
    }
  }

  /**
   * Where the core let guests go on of late. Hypercalls and traps are charged to the slice, so that most
   * slices end behind one of them, whatever else the guest does: its handlers and programs are found here.
   */
  #noteResumed(view: DataView): void {
    const { count, latest } = resumesSince(view, this.#resumes);
    this.#resumes = count;
    for (const { a: eip, b: tag, times } of latest) {
      if (times >= MANY_RESUMES) this.#note(view, eip, tag);
    }
  }

  /** Where a slice ended is the target of a jump, and what is hot is where many end. */
  #note(view: DataView, eip: number, tag: number): void {
    const record = knownRecord(view, eip, tag);
    if (!record) return;
    if (this.#second) {
      const region = this.#finds.holder(record);
      if (region) this.#second.met(region);
    }
    if (this.#isTranslated(view, record)) return;
    if (!this.#finds.add(record)) return;
    const region = newRegion(eip, tag);
    if (this.#collect(view, region, record)) this.#regions.set(record, region);
    else this.#history?.note(record, "refused");
  }

  /** Finds a region's blocks and puts it on the list of what is to be built. */
  #collect(view: DataView, region: Region, record: number): boolean {
    const { eip, tag, learned } = region;
    const find = (offset: number) => knownRecord(view, (eip + offset) >>> 0, tag);
    const look = () => findRegion(view, record, eip & 0xfff, this.#translated, find, learned);
    let blocks = look();
    if (blocks && tag === currentTag(view) && learnTables(view, region, blocks)) blocks = look();
    if (!blocks) return false;
    this.#finds.take(region, blocks);
    this.#waiting.add(region);
    return true;
  }

  /** Has regions take in what they are left for again and again. */
  #growRegions(view: DataView): void {
    const { count, noted: exits, latest } = exitsSince(view, this.#exits);
    this.#exits = count;
    this.#history?.noteExits(view, count, exits);
    if (exits < this.#manyExits) return;
    const grown = new Set<number>();
    for (const { a: from, b: to, times } of latest) {
      if (times >= this.#manyAlike && this.#learn(view, from, to)) grown.add(from & ~31);
    }
    for (const record of grown) {
      const region = this.#regions.get(record)!;
      region.growths++;
      this.#collect(view, region, record);
    }
  }

  /** Notes that a region is left for an EIP. @returns whether it can take that in */
  #learn(view: DataView, from: number, to: number): boolean {
    const record = from & ~31;
    const region = this.#regions.get(record);
    const most = this.#everything ? GROWTHS_OF_ALL : GROWTHS;
    if (!region || region.growths >= most || this.#waiting.has(region)) return false;
    const there = knownRecord(view, to, region.tag);
    if (!this.#isTranslated(view, record) || !there) return false;
    const offset = to - region.eip | 0;
    // what it has already it is left for when other code stands there now
    const known = region.blocks.find((b) => b.offset === offset);
    if (region.learned.has(offset) && known?.record === there) return false;
    region.learned.set(offset, from & 31);
    return true;
  }

  /** Whether the record has its translation still: overwritten code has lost it. */
  #isTranslated(view: DataView, record: number): boolean {
    if (view.getUint32(record + REC_HANDLER, true) >= handlerCount()) return true;
    if (this.#translated.delete(record)) {
      this.#finds.restart(record);
      this.#history?.note(record, "overwritten");
    }
    return false;
  }

  /** Has built what waits, a batch after the other, unless something is being built. */
  #build(): void {
    if (this.#building || !this.#waiting.size) return;
    const batch = this.#begin([...this.#waiting].slice(0, this.#builder.most), false);
    this.#building = batch;
    for (const region of batch.regions) this.#waiting.delete(region);
    this.#builder.build(batch.blocks, (module, problem, bytes) => {
      this.#building = null;
      this.#failure = problem;
      if (module) this.#install(batch, module, bytes);
      this.#build();
    });
  }

  /** Has the hottest regions built once more, unless some are. */
  #optimise(): void {
    if (!this.#second || this.#optimising) return;
    const regions = this.#second.take();
    if (!regions.length) return;
    const batch = this.#begin(regions, true);
    this.#optimising = true;
    this.#second.builder.build(batch.blocks, (module, problem, bytes) => {
      this.#optimising = false;
      if (module) this.#install(batch, module, bytes);
      else {
        // what is in place is as good as before
        this.#second?.builder.stop();
        this.#second = null;
        this.#tell(`regions are optimised no more: ${problem.split("\n")[0]}`);
      }
    });
  }

  #begin(regions: Region[], optimised: boolean): Batch {
    const blocks = regions.map((r) => r.blocks);
    return { regions, blocks, generation: this.#generation, optimised };
  }

  /** Puts functions in the place of handlers, where the code is still what was translated. */
  #install(batch: Batch, module: WebAssembly.Module, bytes: number): void {
    const { regions, blocks: built, generation, optimised } = batch;
    // records of dropped code are those of other code now
    if (generation !== this.#generation || this.#core.code_generation() !== generation) return;
    const view = new DataView(this.#core.memory.buffer);
    const imports = { env: this.#core as unknown as WebAssembly.ModuleImports };
    const { exports } = new WebAssembly.Instance(module, imports);
    const table = this.#core.handlers;
    // not those that were dropped meanwhile; one that has grown goes without the second tier
    const wanted = regions.map((region, n) =>
      this.#regions.get(built[n][0].record) === region &&
      (!optimised || region.blocks === built[n])
    );
    for (const [name, entry] of Object.entries(exports)) {
      if (!name.includes(".")) continue; // warmName
      const [n, block] = name.split(".").map(Number);
      if (!wanted[n]) continue;
      const { entries } = regions[n];
      const { record, instructions: [{ number: handler }] } = built[n][block];
      const present = view.getUint32(record + REC_HANDLER, true);
      let number = entries.get(record);
      if (number === undefined || present !== number) {
        // overwritten meanwhile, or the way into another region
        if (present !== handler || optimised) continue;
        number = this.#free.pop() ?? handlerCount() + this.#used++;
        entries.set(record, number);
      }
      if (table.length <= number) table.grow(Math.max(64, number + 1 - table.length));
      table.set(number, entry as CallableFunction);
      this.#translated.set(record, handler);
      view.setUint32(record + REC_HANDLER, number, true);
    }
    this.#batches++;
    for (const [n, region] of regions.entries()) {
      if (!wanted[n]) continue;
      const share = bytes / regions.length;
      region.bytes += share;
      this.#bytes += share;
      region.used = this.#batches;
      region.optimised = optimised;
      if (!optimised && region.blocks === built[n]) this.#second?.placed(region);
      this.#tell(describe(region, built[n], this.#regions.size));
    }
    this.#evict(view);
  }

  /** Lets the oldest regions go until there is room: what is hot among them will be found again. */
  #evict(view: DataView): void {
    if (this.#bytes <= this.#memory) return;
    for (const [record, region] of this.#regions) {
      if (this.#bytes <= this.#memory * 0.75) break;
      const busy = this.#waiting.has(region) || this.#building?.regions.includes(region);
      if (busy || region.used === this.#batches) continue;
      this.#drop(view, record, region);
    }
  }

  /** The interpreter's handlers take their places again. */
  #drop(view: DataView, first: number, region: Region): void {
    for (const [record, number] of region.entries) {
      if (view.getUint32(record + REC_HANDLER, true) === number) {
        view.setUint32(record + REC_HANDLER, this.#translated.get(record)!, true);
      }
      this.#translated.delete(record);
      this.#core.handlers.set(number, null);
      this.#free.push(number);
    }
    this.#finds.drop(region);
    for (const { record } of region.blocks) this.#history?.note(record, "evicted");
    this.#regions.delete(first);
    this.#bytes -= region.bytes;
    this.#tell(`evicted the region at ${region.eip.toString(16)}`);
  }

  /** All records are gone, and with them every way to a translation. */
  #forget(): void {
    this.#generation = this.#core.code_generation();
    this.#finds.clear();
    this.#noted.clear();
    this.#history?.forget();
    this.#translated.clear();
    this.#regions.clear();
    this.#waiting.clear();
    this.#second?.forget();
    // a function holds its module, and may be the last of it
    const table = this.#core.handlers;
    for (let n = 0; n < this.#used; n++) table.set(handlerCount() + n, null);
    this.#used = 0;
    this.#free.length = 0;
    this.#bytes = 0;
  }
}
