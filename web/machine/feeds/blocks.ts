/**
 * Where guests spend their time, by looking where slices end, as the translator does: the end of a
 * slice is the beginning of a block, and counts as many instructions as the slice had.
 */
import { currentVcpu, VcpuView } from "../../../core/host/vcpu_view.ts";
import {
  C_EIP,
  C_MODE,
  C_SEG,
  CPU,
  CS,
  MODE_CODE32,
  SEG_BASE,
  SEG_SIZE,
} from "../../../core/wasm/layout.ts";
import type { RegionView } from "../../../jit/translator/mod.ts";
import type { BlocksData, CodeAnswer, CodeQuestion, HotPlace } from "../../feeds.ts";
import type { Feed, Subject } from "./feeds.ts";

const PLACES = 40;
/** What of a place's weight is left after each sample of the feed's. */
const FADE = 0.85;
/** Weights below this are forgotten. */
const LEAST = 500;
/** Blocks that are kept an eye on. */
const MOST = 4000;
const PAGE = 4096;
const MOST_PAGES = 500;
/** Bytes that are shown of a block whose end is not known. */
const BLOCK_BYTES = 256;

interface Place {
  weight: number;
  /** Of the code segment. */
  base: number;
  bits: 16 | 32;
}

class BlocksFeed implements Feed {
  readonly interval = 1000;
  readonly #places = new Map<number, Place>();
  /** Pages of code by their linear addresses, as they were when they were first hot: another process may run later. */
  readonly #pages = new Map<number, Uint8Array>();
  #retired = 0;
  #latest: HotPlace[] = [];

  constructor(private readonly subject: Subject) {}

  start(): void {
    this.#retired = this.subject.machine.core.retired();
  }

  /** The registers are still those of the slice before. */
  beforeSlice(): void {
    const { core } = this.subject.machine;
    const retired = core.retired();
    const ran = retired - this.#retired;
    this.#retired = retired;
    if (ran <= 0) return;
    const eip = core.view().getUint32(CPU + C_EIP, true);
    const known = this.#places.get(eip);
    if (known) known.weight += ran;
    else if (this.#places.size < MOST) this.#places.set(eip, { weight: ran, ...this.#code(eip) });
  }

  #code(eip: number): Omit<Place, "weight"> {
    const view = this.subject.machine.core.view();
    const base = view.getUint32(CPU + C_SEG + CS * SEG_SIZE + SEG_BASE, true);
    this.#page((base + eip) >>> 0);
    const bits = view.getUint32(CPU + C_MODE, true) & MODE_CODE32 ? 32 : 16;
    return { base, bits };
  }

  /** The page that holds a linear address; what is not mapped is missing from it. */
  #page(linear: number): Uint8Array {
    const start = (linear & ~0xfff) >>> 0;
    let page = this.#pages.get(start);
    if (!page) {
      const { machine: { core }, domain } = this.subject;
      page = new VcpuView(core, domain.id, currentVcpu(core)?.vcpu ?? 0).read(start, PAGE);
      if (this.#pages.size < MOST_PAGES) this.#pages.set(start, page);
    }
    return page;
  }

  sample(): BlocksData {
    const byBlock = this.#regionsByBlock();
    const shares = new Map<number, { weight: number; region: RegionView | null }>();
    let total = 0;
    for (const [eip, place] of this.#places) {
      place.weight *= FADE;
      if (place.weight < LEAST) {
        this.#places.delete(eip);
        continue;
      }
      total += place.weight;
      const region = byBlock.get(eip) ?? null;
      const key = region?.eip ?? eip;
      const sum = shares.get(key) ?? { weight: 0, region };
      sum.weight += place.weight;
      shares.set(key, sum);
    }
    const { symbols } = this.subject.domain;
    const sorted = [...shares].sort((a, b) => b[1].weight - a[1].weight).slice(0, PLACES);
    this.#latest = sorted.map(([eip, { weight, region }]) => ({
      eip,
      symbol: symbols.describe(eip) ?? "",
      share: weight / total,
      region: region && {
        blocks: region.blocks.length,
        instructions: region.blocks.reduce((n, b) => n + b.instructions.length, 0),
        ways: region.ways,
        growths: region.growths,
        bytes: Math.round(region.bytes),
      },
    }));
    return { places: this.#latest };
  }

  #regionsByBlock(): Map<number, RegionView> {
    const byBlock = new Map<number, RegionView>();
    for (const region of this.subject.machine.translation.regions()) {
      for (const { offset } of region.blocks) byBlock.set((region.eip + offset) >>> 0, region);
    }
    return byBlock;
  }

  async answer(question: unknown): Promise<CodeAnswer> {
    const { eip } = question as CodeQuestion;
    const region = this.#regionsByBlock().get(eip);
    if (!region) {
      const place = this.#places.get(eip);
      const code = place ? [this.#piece(place, eip, BLOCK_BYTES, false)] : [];
      return { bits: place?.bits ?? 32, code, wasm: null };
    }
    const eips = region.blocks.map(({ offset }) => (region.eip + offset) >>> 0);
    const place = eips.map((e) => this.#places.get(e)).find((p) => p);
    const code = place
      ? region.blocks.map((block, i) => {
        const length = block.instructions
          .reduce((n, { handler, length }) => handler === "end" ? n : n + length, 0);
        return this.#piece(place, eips[i], length, true);
      })
      : [];
    code.sort((a, b) => a.address - b.address);
    const { buildRegions } = await import("../../../jit/translator/build.ts");
    const wasm = buildRegions([structuredClone(region.blocks) as RegionView["blocks"]]);
    return { bits: place?.bits ?? 32, code, wasm };
  }

  #piece(place: Place, eip: number, length: number, exact: boolean): CodeAnswer["code"][number] {
    const linear = (eip + place.base) >>> 0;
    const at = linear % PAGE;
    const symbol = this.subject.domain.symbols.describe(eip) ?? "";
    return { address: eip, bytes: this.#page(linear).slice(at, at + length), symbol, exact };
  }
}

export const feed = (subject: Subject): Feed => new BlocksFeed(subject);
